#include "agent/delivery/book.hpp"

#include <algorithm>

#include "base/local_time.hpp"
#include "formats/json.hpp"

namespace ferry::delivery {
namespace {

// Ended deliveries of one device that are remembered in memory; the store has them all.
constexpr std::size_t remembered = 4;
// Of those from before the start, all but a device's last one only when they are among the newest:
// thousands of devices have thousands of them.
constexpr std::size_t remembered_from_before = 500;
// A row's not_before that lies further ahead is from before the clock was set back.
constexpr Duration longest_pause_from_before = std::chrono::hours(1);

}  // namespace

storage::Event event_of(std::string_view kind, const Delivery& delivery, bool proven, Time now) {
  formats::Json detail = {{"device", delivery.device},       {"product", delivery.product},
                          {"version", delivery.version},     {"from", delivery.from_version},
                          {"transport", delivery.transport}, {"proven", proven}};
  if (!delivery.cause.empty()) detail["cause"] = delivery.cause;
  if (!delivery.detail.empty()) detail["detail"] = delivery.detail;
  if (delivery.attempts > 0) detail["attempts"] = delivery.attempts;
  storage::Event event;
  event.at = now;
  event.kind = kind;
  event.detail = formats::to_text(detail);
  return event;
}

Duration elapsed_since(Time then, Time now) {
  const bool set_meanwhile = then < clock_was_set && now >= clock_was_set;
  return set_meanwhile || now < then ? Duration(0) : now - then;
}

Book::Book(std::vector<Delivery> stored, Moment now) {
  std::sort(stored.begin(), stored.end(),
            [](const Delivery& left, const Delivery& right) { return left.id < right.id; });
  const std::size_t old = stored.size() - std::min(stored.size(), remembered_from_before);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    Delivery& delivery = stored[i];
    if (delivery.mode == DeliveryMode::push) {
      const auto lost = transition(delivery.state, Trigger::lose);
      if (lost) delivery.state = lost->to;
    }
    auto& list = entries_[{delivery.product, delivery.device}];
    if (i < old)
      std::erase_if(list, [](const Entry& known) { return ended(known.delivery.state); });
    Entry& entry = add(delivery, now);
    entry.since = now.steady - elapsed_since(delivery.updated, now.wall);
    if (delivery.not_before > now.wall) {
      entry.retry_at =
          now.steady + std::min(longest_pause_from_before, delivery.not_before - now.wall);
    }
  }
}

std::list<Entry>& Book::of(const std::string& product, const std::string& device) {
  static std::list<Entry> none;
  const auto found = entries_.find({product, device});
  return found == entries_.end() ? none : found->second;
}

Entry* Book::find(std::uint64_t id) {
  for (auto& [key, list] : entries_) {
    for (Entry& entry : list) {
      if (entry.delivery.id == id) return &entry;
    }
  }
  return nullptr;
}

Entry* Book::find(const std::string& product, const std::string& device, std::uint64_t id) {
  for (Entry& entry : of(product, device)) {
    if (entry.delivery.id == id) return &entry;
  }
  return nullptr;
}

const Entry* Book::newest_of(const std::string& product, const std::string& device,
                             const std::string& version) const {
  const auto found = entries_.find({product, device});
  if (found == entries_.end()) return nullptr;
  for (auto entry = found->second.rbegin(); entry != found->second.rend(); ++entry) {
    if (entry->delivery.version == version) return &*entry;
  }
  return nullptr;
}

Entry* Book::newest_of(const std::string& product, const std::string& device,
                       const std::string& version) {
  return const_cast<Entry*>(std::as_const(*this).newest_of(product, device, version));
}

const Delivery* Book::open_delivery(const std::string& product, const std::string& device,
                                    const std::string& version) const {
  const auto found = entries_.find({product, device});
  if (found == entries_.end()) return nullptr;
  for (const Entry& entry : found->second) {
    if (entry.delivery.version == version && !ended(entry.delivery.state)) return &entry.delivery;
  }
  return nullptr;
}

const Delivery* Book::newest(const std::string& product, const std::string& device) const {
  const auto found = entries_.find({product, device});
  if (found == entries_.end() || found->second.empty()) return nullptr;
  return &found->second.back().delivery;
}

std::vector<Delivery> Book::known() const {
  std::vector<Delivery> list;
  for (const auto& [key, entries] : entries_) {
    for (const Entry& entry : entries) list.push_back(entry.delivery);
  }
  return list;
}

std::vector<Delivery> Book::open() const {
  std::vector<Delivery> list = known();
  std::erase_if(list, [](const Delivery& delivery) { return ended(delivery.state); });
  return list;
}

std::size_t Book::open_count() const {
  std::size_t count = 0;
  for (const auto& [key, entries] : entries_) {
    for (const Entry& entry : entries) count += ended(entry.delivery.state) ? 0 : 1;
  }
  return count;
}

Tally Book::tally(const std::string& product, const std::string& version) const {
  const auto found = tallies_.find({product, version});
  return found == tallies_.end() ? Tally{} : found->second;
}

void Book::count(Tally& tally, DeliveryState state, bool in) {
  if (state == DeliveryState::waiting || state == DeliveryState::cancelled) return;
  const auto add = [in](std::size_t& number) { in ? ++number : number -= number > 0 ? 1 : 0; };
  add(tally.begun);
  if (ended(state)) add(tally.ended);
}

void Book::forget_old(std::list<Entry>& list) {
  std::size_t over = std::count_if(list.begin(), list.end(),
                                   [](const Entry& entry) { return ended(entry.delivery.state); });
  for (auto entry = list.begin(); over > remembered && entry != list.end();) {
    if (!ended(entry->delivery.state)) {
      ++entry;
      continue;
    }
    entry = list.erase(entry);
    --over;
  }
}

Entry& Book::add(const Delivery& delivery, Moment now) {
  auto& list = entries_[{delivery.product, delivery.device}];
  for (Entry& known : list) {
    if (known.delivery.id == delivery.id) return known;
  }
  Entry entry;
  entry.delivery = delivery;
  entry.since = entry.kept_at = now.steady;
  list.push_back(std::move(entry));
  count(tallies_[{delivery.product, delivery.version}], delivery.state, true);
  Entry& added = list.back();
  // The one just added stays, even when it has ended.
  if (!ended(delivery.state) || list.size() > 2 * remembered) forget_old(list);
  return added;
}

void Book::set_pieces(Entry& entry, const std::vector<Piece>& pieces) {
  const bool fresh = entry.pieces.empty();
  std::uint64_t total = 0;
  // How far an earlier run had come is known as one sum; what is pushed goes over in this order.
  std::uint64_t there = entry.delivery.mode == DeliveryMode::push ? entry.delivery.bytes_done : 0;
  for (const Piece& piece : pieces) {
    Entry::Piecewise& known = entry.pieces[piece.sha256];
    known.size = piece.size;
    if (fresh) known.acknowledged = std::min(there, piece.size);
    there -= std::min(there, piece.size);
    known.done = known.done || piece.size == 0;  // no byte of it can be acknowledged
    total += piece.size;
  }
  entry.delivery.bytes_total = total;
}

std::optional<Change> Book::apply(Entry& entry, Trigger trigger, Moment now, bool proven) {
  Delivery& delivery = entry.delivery;
  const auto next = transition(delivery.state, trigger);
  if (!next) return std::nullopt;
  // The trial is one stretch of time, however often its confirmation is tried.
  const auto tried = [](DeliveryState state) {
    return state == DeliveryState::activated || state == DeliveryState::confirming;
  };
  if (!tried(delivery.state) || !tried(next->to)) entry.since = now.steady;
  Tally& tally = tallies_[{delivery.product, delivery.version}];
  count(tally, delivery.state, false);
  count(tally, next->to, true);
  delivery.state = next->to;
  delivery.updated = now.wall;
  entry.kept_at = now.steady;
  if (ended(next->to)) delivery.forced = false;
  if (trigger == Trigger::fail_once || trigger == Trigger::again) ++counts_.retries;
  if (trigger == Trigger::lose) ++counts_.losses;
  if (!next->event.empty()) ++counts_.told[std::string(next->event)];
  Change change{delivery, {}};
  if (!next->event.empty()) change.events = {event_of(next->event, delivery, proven, now.wall)};
  return change;
}

}  // namespace ferry::delivery
