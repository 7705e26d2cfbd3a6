#include "agent/delivery/pull.hpp"

#include "base/local_time.hpp"

#include <algorithm>

namespace ferry::delivery {
namespace {

// Nothing more can be learned of such a delivery once it is transferred.
bool is_silent(const Delivery& delivery) {
  return delivery.from_version.empty() && delivery.image.empty();
}

bool may_expire(const Delivery& delivery) {
  if (delivery.mode == DeliveryMode::push) {
    return delivery.state == DeliveryState::transferred && is_silent(delivery);
  }
  return delivery.state == DeliveryState::transferring ||
         delivery.state == DeliveryState::transferred;
}

}  // namespace

Entry* expecting(Book& book, const formats::link::DeviceClaim& device, const Sha256& sha256) {
  auto& list = book.of(device.product, device.id);
  for (auto entry = list.rbegin(); entry != list.rend(); ++entry) {
    if (!ended(entry->delivery.state) && entry->pieces.contains(sha256)) return &*entry;
  }
  return nullptr;
}

std::vector<Change> PullTracker::adopt(const Delivery& delivery, const std::vector<Piece>& pieces,
                                       Moment now) {
  std::vector<Change> changes;
  for (Entry& other : book_.of(delivery.product, delivery.device)) {
    if (other.delivery.id == delivery.id || ended(other.delivery.state)) continue;
    if (other.delivery.version == delivery.version) continue;
    other.delivery.detail = "followed by " + delivery.version;
    const bool pushed = other.delivery.mode == DeliveryMode::push;
    const bool idle = other.delivery.state == DeliveryState::waiting;
    auto change = book_.apply(other, pushed || idle ? Trigger::cancel : Trigger::follow, now);
    if (change) changes.push_back(std::move(*change));
  }
  Book::set_pieces(book_.add(delivery, now), pieces);
  return changes;
}

bool PullTracker::expects(const formats::link::DeviceClaim& device, const Sha256& sha256) const {
  return expecting(book_, device, sha256) != nullptr;
}

std::optional<Change> PullTracker::progress(const formats::link::Progress& message, Moment now) {
  Entry* entry = expecting(book_, message.device, message.sha256);
  if (entry == nullptr || entry->delivery.mode != DeliveryMode::pull) return std::nullopt;
  Entry::Piecewise& piece = entry->pieces[message.sha256];
  const std::uint64_t end = std::min(message.offset + message.length, piece.size);
  const bool was_done = piece.done;
  piece.acknowledged = std::max(piece.acknowledged, end);
  piece.done = piece.done || end == piece.size;

  Delivery& delivery = entry->delivery;
  delivery.updated = now.wall;
  delivery.bytes_done = 0;
  for (const auto& [sha256, known] : entry->pieces) delivery.bytes_done += known.acknowledged;
  const bool whole = std::all_of(entry->pieces.begin(), entry->pieces.end(),
                                 [](const auto& known) { return known.second.done; });
  if (whole) {
    if (auto change = book_.apply(*entry, Trigger::complete, now, message.device.proven)) {
      return change;
    }
  }
  if (piece.done && !was_done) return Change{delivery, {}};
  return std::nullopt;
}

std::optional<Change> PullTracker::outcome(const formats::link::Outcome& message, Moment now) {
  Entry* entry = book_.find(message.device.product, message.device.id, message.delivery);
  if (entry == nullptr || ended(entry->delivery.state)) return std::nullopt;
  Delivery& delivery = entry->delivery;
  using formats::link::OutcomeKind;
  switch (message.kind) {
    case OutcomeKind::transferred:
    case OutcomeKind::activated:
    case OutcomeKind::confirmed:
      break;
    case OutcomeKind::lost:  // it may ask again
      return std::nullopt;
    default:
      delivery.detail = message.detail;
      delivery.cause = to_string(message.kind);
      return book_.apply(*entry, Trigger::give_up, now, message.device.proven);
  }
  if (delivery.state == DeliveryState::transferred) return std::nullopt;
  delivery.detail = message.detail;
  delivery.bytes_done = delivery.bytes_total;
  return book_.apply(*entry, Trigger::complete, now, message.device.proven);
}

std::vector<Change> PullTracker::seen(const formats::link::DeviceClaim& device, Moment now) {
  std::vector<Change> changes;
  if (device.version.empty()) return changes;
  for (Entry& entry : book_.of(device.product, device.id)) {
    Delivery& delivery = entry.delivery;
    if (delivery.mode != DeliveryMode::pull || delivery.version != device.version) continue;
    // One given up as unknown is mended when the device shows up late.
    auto change = book_.apply(entry, Trigger::run, now, device.proven);
    if (!change) continue;
    delivery.bytes_done = change->delivery.bytes_done = delivery.bytes_total;
    changes.push_back(std::move(*change));
  }
  return changes;
}

std::vector<Change> PullTracker::expire(const std::map<std::string, Duration>& report_within,
                                        Moment now) {
  std::vector<Change> changes;
  book_.for_each([&](Entry& entry) {
    Delivery& delivery = entry.delivery;
    const auto limit = report_within.find(delivery.product);
    if (limit == report_within.end() || !may_expire(delivery)) return;
    if (delivery.updated < clock_was_set && now.wall >= clock_was_set) delivery.updated = now.wall;
    if (now.wall - delivery.updated < limit->second) return;
    if (delivery.state == DeliveryState::transferring) {
      delivery.detail = "the device did not come back for the rest";
    }
    if (auto change = book_.apply(entry, Trigger::expire, now)) changes.push_back(*change);
  });
  return changes;
}

}  // namespace ferry::delivery
