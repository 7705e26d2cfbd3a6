#include "agent/source/room.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/log.hpp"

namespace ferry::source {
namespace {

bool same_name(const formats::Release& left, const formats::Release& right) {
  return left.product == right.product && left.version == right.version &&
         left.channel == right.channel;
}

}  // namespace

Result<Room> Room::look(const Context& context) {
  Room room(context);
  auto releases = context.store.releases().all();
  if (!releases) return fail(releases.error());
  auto left_out = context.store.releases().left_out();
  if (!left_out) return fail(left_out.error());
  const auto devices = context.store.fleet().devices();
  if (!devices) return fail(devices.error());
  const auto deliveries = context.store.fleet().deliveries(std::numeric_limits<std::size_t>::max());
  if (!deliveries) return fail(deliveries.error());
  room.releases_ = std::move(*releases);
  room.left_out_ = std::move(*left_out);
  room.demand_ = catalog::demand_of(*devices, *deliveries);
  return room;
}

bool Room::needs(const formats::Release& release) const {
  return catalog::is_needed(shelf(), release);
}

bool Room::leaves_out(const formats::Release& release) const {
  return std::any_of(left_out_.begin(), left_out_.end(),
                     [&](const auto& other) { return same_name(other, release); }) &&
         !needs(release);
}

bool Room::wants_more() const {
  return std::any_of(left_out_.begin(), left_out_.end(),
                     [&](const auto& release) { return needs(release); });
}

std::vector<formats::Release> Room::plan(const formats::Release& wanted,
                                         std::uint64_t shortfall) const {
  std::vector<formats::Release> chosen;
  for (const auto* held : catalog::plan_eviction(shelf(), wanted, shortfall)) {
    chosen.push_back(held->release);
  }
  return chosen;
}

Result<Made> make_room(const Context& context, const std::string& source,
                       const formats::Release& wanted, std::uint64_t shortfall) {
  const Result<Room> room = Room::look(context);
  if (!room) return fail(room.error());
  const std::string name = wanted.product + " " + wanted.version;
  if (!room->needs(wanted)) {
    log::info("source " + source, "{} ({}) is left out: there is no room, and nobody needs it",
              name, wanted.channel);
    const Status noted = context.store.releases().leave_out(wanted);
    if (!noted) return fail(noted.error());
    return Made::left_out;
  }
  bool evicted = false;
  for (const formats::Release& release : room->plan(wanted, shortfall)) {
    const Status gone = context.store.releases().evict(release, "room for " + name);
    // Another source may have been quicker.
    if (!gone && gone.error().code != ErrorCode::not_found) return fail(gone.error());
    evicted = true;
    log::info("source " + source, "evicted {} {} ({}): room for {}", release.product,
              release.version, release.channel, name);
  }
  // Hosts must learn which packs are gone.
  if (evicted && context.admitted) context.admitted();
  return evicted ? Made::room : Made::nothing;
}

}  // namespace ferry::source
