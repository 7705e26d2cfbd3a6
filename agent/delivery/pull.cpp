#include "agent/delivery/pull.hpp"

#include <algorithm>

#include "formats/json.hpp"

namespace ferry::delivery {
namespace {

using storage::Delivery;
using storage::DeliveryState;

// Ended deliveries of one device that are remembered in memory; the store has them all.
constexpr std::size_t remembered = 4;

// A wall clock below this has not been set since power came (2024-01-01).
constexpr Time clock_was_set{Duration(1704067200000)};

bool ended(const Delivery& delivery) {
  return delivery.state != DeliveryState::transferring &&
         delivery.state != DeliveryState::transferred;
}

storage::Event event_of(const char* kind, const Delivery& delivery, bool proven, Time now) {
  formats::Json detail = {{"device", delivery.device},       {"product", delivery.product},
                          {"version", delivery.version},     {"from", delivery.from_version},
                          {"transport", delivery.transport}, {"proven", proven}};
  if (!delivery.detail.empty()) detail["detail"] = delivery.detail;
  storage::Event event;
  event.at = now;
  event.kind = kind;
  event.detail = formats::to_text(detail);
  return event;
}

Change change_to(Delivery& delivery, DeliveryState state, const char* kind, bool proven, Time now) {
  delivery.state = state;
  delivery.updated = now;
  return Change{delivery, {event_of(kind, delivery, proven, now)}};
}

}  // namespace

PullTracker::PullTracker(const std::vector<Delivery>& stored) {
  for (const Delivery& delivery : stored) {
    entries_[{delivery.product, delivery.device}].push_back(Entry{delivery, {}});
  }
  for (auto& [key, list] : entries_) {
    std::sort(list.begin(), list.end(), [](const Entry& left, const Entry& right) {
      return left.delivery.id < right.delivery.id;
    });
  }
}

const Delivery* PullTracker::open_delivery(const std::string& product, const std::string& device,
                                           const std::string& version) const {
  const auto found = entries_.find({product, device});
  if (found == entries_.end()) return nullptr;
  for (const Entry& entry : found->second) {
    if (entry.delivery.version == version && !ended(entry.delivery)) return &entry.delivery;
  }
  return nullptr;
}

std::vector<Change> PullTracker::adopt(const Delivery& delivery, const std::vector<Piece>& pieces,
                                       Time now) {
  auto& list = entries_[{delivery.product, delivery.device}];
  std::vector<Change> changes;
  for (Entry& other : list) {
    if (other.delivery.id == delivery.id || ended(other.delivery)) continue;
    if (other.delivery.version == delivery.version) continue;
    other.delivery.detail = "followed by " + delivery.version;
    changes.push_back(change_to(other.delivery, DeliveryState::unknown, "unknown", false, now));
  }
  auto entry = std::find_if(list.begin(), list.end(),
                            [&](const Entry& known) { return known.delivery.id == delivery.id; });
  if (entry == list.end()) {
    while (list.size() >= remembered && ended(list.front().delivery)) list.erase(list.begin());
    list.push_back(Entry{delivery, {}});
    entry = std::prev(list.end());
  }
  std::uint64_t total = 0;
  for (const Piece& piece : pieces) {
    Piecewise& known = entry->pieces[piece.sha256];
    known.size = piece.size;
    known.done = known.done || piece.size == 0;  // no byte of it can be acknowledged
    total += piece.size;
  }
  entry->delivery.bytes_total = total;
  return changes;
}

const PullTracker::Entry* PullTracker::find(const formats::link::DeviceClaim& device,
                                            const Sha256& sha256) const {
  const auto found = entries_.find({device.product, device.id});
  if (found == entries_.end()) return nullptr;
  for (auto entry = found->second.rbegin(); entry != found->second.rend(); ++entry) {
    if (!ended(entry->delivery) && entry->pieces.contains(sha256)) return &*entry;
  }
  return nullptr;
}

bool PullTracker::expects(const formats::link::DeviceClaim& device, const Sha256& sha256) const {
  return find(device, sha256) != nullptr;
}

std::optional<Change> PullTracker::progress(const formats::link::Progress& message, Time now) {
  // The entry is this object's own, which is not const here.
  Entry* entry = const_cast<Entry*>(find(message.device, message.sha256));
  if (entry == nullptr) return std::nullopt;
  Piecewise& piece = entry->pieces[message.sha256];
  const std::uint64_t end = std::min(message.offset + message.length, piece.size);
  const bool was_done = piece.done;
  piece.acknowledged = std::max(piece.acknowledged, end);
  piece.done = piece.done || end == piece.size;

  Delivery& delivery = entry->delivery;
  delivery.updated = now;
  delivery.bytes_done = 0;
  for (const auto& [sha256, known] : entry->pieces) delivery.bytes_done += known.acknowledged;
  const bool whole = std::all_of(entry->pieces.begin(), entry->pieces.end(),
                                 [](const auto& known) { return known.second.done; });
  if (whole && delivery.state == DeliveryState::transferring) {
    return change_to(delivery, DeliveryState::transferred, "delivered", message.device.proven, now);
  }
  if (piece.done && !was_done) return Change{delivery, {}};
  return std::nullopt;
}

std::optional<Change> PullTracker::outcome(const formats::link::Outcome& message, Time now) {
  const auto found = entries_.find({message.device.product, message.device.id});
  if (found == entries_.end()) return std::nullopt;
  for (Entry& entry : found->second) {
    Delivery& delivery = entry.delivery;
    if (delivery.id != message.delivery || ended(delivery)) continue;
    delivery.detail = message.detail;
    if (message.kind == formats::link::OutcomeKind::failed) {
      return change_to(delivery, DeliveryState::failed, "failed", message.device.proven, now);
    }
    if (delivery.state == DeliveryState::transferred) return std::nullopt;
    delivery.bytes_done = delivery.bytes_total;
    return change_to(delivery, DeliveryState::transferred, "delivered", message.device.proven, now);
  }
  return std::nullopt;
}

std::vector<Change> PullTracker::seen(const formats::link::DeviceClaim& device, Time now) {
  std::vector<Change> changes;
  const auto found = entries_.find({device.product, device.id});
  if (found == entries_.end() || device.version.empty()) return changes;
  for (Entry& entry : found->second) {
    Delivery& delivery = entry.delivery;
    // One given up as unknown is mended when the device shows up late.
    const bool late = delivery.state == DeliveryState::unknown;
    if ((ended(delivery) && !late) || delivery.version != device.version) continue;
    delivery.bytes_done = delivery.bytes_total;
    changes.push_back(
        change_to(delivery, DeliveryState::installed, "installed", device.proven, now));
  }
  return changes;
}

std::vector<Change> PullTracker::expire(const std::map<std::string, Duration>& report_within,
                                        Time now) {
  std::vector<Change> changes;
  for (auto& [key, list] : entries_) {
    const auto limit = report_within.find(key.first);
    if (limit == report_within.end()) continue;
    for (Entry& entry : list) {
      Delivery& delivery = entry.delivery;
      if (ended(delivery)) continue;
      if (delivery.updated < clock_was_set && now >= clock_was_set) delivery.updated = now;
      if (now - delivery.updated < limit->second) continue;
      if (delivery.state == DeliveryState::transferring) {
        delivery.detail = "the device did not come back for the rest";
      }
      changes.push_back(change_to(delivery, DeliveryState::unknown, "unknown", false, now));
    }
  }
  return changes;
}

const Delivery* PullTracker::newest(const std::string& product, const std::string& device) const {
  const auto found = entries_.find({product, device});
  if (found == entries_.end() || found->second.empty()) return nullptr;
  return &found->second.back().delivery;
}

std::vector<Delivery> PullTracker::known() const {
  std::vector<Delivery> list;
  for (const auto& [key, entries] : entries_) {
    for (const Entry& entry : entries) list.push_back(entry.delivery);
  }
  return list;
}

std::vector<Delivery> PullTracker::open() const {
  std::vector<Delivery> list = known();
  std::erase_if(list, ended);
  return list;
}

}  // namespace ferry::delivery
