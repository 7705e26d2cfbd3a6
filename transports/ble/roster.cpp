#include "transports/ble/roster.hpp"

#include <algorithm>

namespace ferry::ble {
namespace {

using std::chrono::seconds;

// Not seen for so long, a device is gone.
constexpr std::chrono::minutes forget_time{10};
// Where there is no room, one that was not seen for so long makes room.
constexpr seconds make_room_time{30};
// Before a device is visited again.
constexpr seconds after_loss{1};
constexpr seconds after_failure{5};
constexpr int most_doublings = 6;
constexpr int weakest = -128;

}  // namespace

void Roster::set_adapters(const std::vector<AdapterNumber>& adapters) {
  std::map<AdapterNumber, Adapter> kept;
  for (const AdapterNumber number : adapters) kept[number] = adapters_[number];
  adapters_ = std::move(kept);
}

bool Roster::seen(AdapterNumber adapter, const Address& address, int signal, TimePoint now) {
  auto found = devices_.find(address);
  if (found == devices_.end()) {
    if (devices_.size() >= options_.most_devices && !make_room(now)) return false;
    found = devices_.emplace(address, Device()).first;
    found->second.due = now;
  }
  found->second.seen_at = now;
  found->second.sightings[adapter] = {now, signal};
  return true;
}

bool Roster::make_room(TimePoint now) {
  auto oldest = devices_.end();
  for (auto at = devices_.begin(); at != devices_.end(); ++at) {
    const Device& device = at->second;
    if (device.visiting || now - device.seen_at < make_room_time) continue;
    if (oldest == devices_.end() || device.seen_at < oldest->second.seen_at) oldest = at;
  }
  if (oldest == devices_.end()) return false;
  devices_.erase(oldest);
  return true;
}

void Roster::forget_old(TimePoint now) {
  std::erase_if(devices_, [&](const auto& entry) {
    return !entry.second.visiting && now - entry.second.seen_at >= forget_time;
  });
}

std::size_t Roster::load(const Adapter& adapter, TimePoint now) const {
  const auto lingering = std::count_if(adapter.lingering.begin(), adapter.lingering.end(),
                                       [&](TimePoint until) { return until > now; });
  return adapter.visits + static_cast<std::size_t>(lingering);
}

const Roster::Sighting* Roster::usable(const Device& device, AdapterNumber adapter,
                                       TimePoint now) const {
  const auto sighting = device.sightings.find(adapter);
  if (sighting == device.sightings.end() || now - sighting->second.at >= forget_time) {
    return nullptr;
  }
  const bool anew = !device.visited_at || sighting->second.at > *device.visited_at;
  return anew ? &sighting->second : nullptr;
}

// Of those that see it and have room: the one with least to do, then the one that hears it best.
std::optional<AdapterNumber> Roster::adapter_for(const Device& device, TimePoint now) const {
  std::optional<AdapterNumber> best;
  std::size_t least = options_.connections;
  int strongest = weakest;
  for (const auto& [number, adapter] : adapters_) {
    const Sighting* sighting = usable(device, number, now);
    const std::size_t busy = load(adapter, now);
    if (sighting == nullptr || busy >= options_.connections) continue;
    const int signal = sighting->signal == 0 ? weakest : sighting->signal;
    if (best && (busy > least || (busy == least && signal <= strongest))) continue;
    best = number;
    least = busy;
    strongest = signal;
  }
  return best;
}

bool Roster::goes_before(const Device& one, const Device& other) {
  if (one.returning != other.returning) return one.returning;
  if (one.visited_at != other.visited_at) return one.visited_at < other.visited_at;  // none first
  return one.due < other.due;
}

std::optional<Visit> Roster::next(TimePoint now) {
  forget_old(now);
  std::map<Address, Device>::iterator first = devices_.end();
  std::optional<AdapterNumber> by;
  for (auto at = devices_.begin(); at != devices_.end(); ++at) {
    const Device& device = at->second;
    if (device.visiting || device.due > now) continue;
    if (first != devices_.end() && !goes_before(device, first->second)) continue;
    const auto adapter = adapter_for(device, now);
    if (!adapter) continue;
    first = at;
    by = adapter;
  }
  if (!by) return std::nullopt;
  first->second.visiting = by;
  ++adapters_[*by].visits;
  return Visit{first->first, *by, first->second.sightings[*by].signal};
}

std::optional<TimePoint> Roster::due(TimePoint now) const {
  std::optional<TimePoint> earliest;
  const auto consider = [&](TimePoint time) {
    if (time > now && (!earliest || time < *earliest)) earliest = time;
  };
  for (const auto& [address, device] : devices_) {
    if (!device.visiting) consider(device.due);
  }
  for (const auto& [number, adapter] : adapters_) {
    for (const TimePoint until : adapter.lingering) consider(until);
  }
  return earliest;
}

void Roster::ended(const Address& address, VisitEnd end, Duration linger, TimePoint now) {
  const auto found = devices_.find(address);
  if (found == devices_.end() || !found->second.visiting) return;
  Device& device = found->second;
  if (const auto adapter = adapters_.find(*device.visiting); adapter != adapters_.end()) {
    Adapter& used = adapter->second;
    if (used.visits > 0) --used.visits;
    std::erase_if(used.lingering, [&](TimePoint until) { return until <= now; });
    used.lingering.push_back(now + linger);
  }
  device.visiting.reset();
  device.visited_at = now;
  device.held_until = now + linger;
  device.returning = end == VisitEnd::returning;
  if (end == VisitEnd::failed) {
    device.due = now + after_failure * (1 << std::min(device.failures, most_doublings));
    ++device.failures;
    return;
  }
  if (end == VisitEnd::refused) {
    device.due = device.held_until + options_.visit_interval;
    device.failures = std::max(device.failures, 1);  // nothing wakes it before
    return;
  }
  device.failures = 0;
  device.due = device.held_until;
  if (end == VisitEnd::satisfied) device.due += options_.visit_interval;
  if (end == VisitEnd::lost) device.due += after_loss;
}

void Roster::wake(TimePoint now) {
  for (auto& [address, device] : devices_) {
    if (device.failures == 0) device.due = std::min(device.due, std::max(now, device.held_until));
  }
}

}  // namespace ferry::ble
