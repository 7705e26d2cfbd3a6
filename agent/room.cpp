#include "agent/room.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/log.hpp"

namespace ferry::agent {
namespace {

bool same_name(const formats::Release& left, const formats::Release& right) {
  return left.product == right.product && left.version == right.version &&
         left.channel == right.channel;
}

// The catalog as it was when it was looked at.
class Seen final : public source::Room {
 public:
  static Result<std::unique_ptr<Seen>> look(storage::Store& store, const catalog::Orders& orders,
                                            const catalog::Policies& policies);

  bool leaves_out(const formats::Release& release) const override {
    return std::any_of(left_out_.begin(), left_out_.end(),
                       [&](const auto& other) { return same_name(other, release); }) &&
           !needs(release);
  }
  bool wants_more() const override {
    return std::any_of(left_out_.begin(), left_out_.end(),
                       [&](const auto& release) { return needs(release); });
  }
  std::vector<Time> awaited(const std::vector<formats::Release>& announced) const override {
    return catalog::awaited(announced, devices_, policies_);
  }
  bool needs(const formats::Release& release) const { return catalog::is_needed(shelf(), release); }
  catalog::Shelf shelf() const { return {releases_, demand_, orders_}; }

 private:
  Seen(const catalog::Orders& orders, const catalog::Policies& policies)
      : orders_(orders), policies_(policies) {}

  const catalog::Orders& orders_;      // of the CatalogRoom, which outlives it
  const catalog::Policies& policies_;  // likewise
  std::vector<storage::HeldRelease> releases_;
  std::vector<formats::Release> left_out_;
  std::vector<storage::Device> devices_;
  catalog::Demand demand_;
};

Result<std::unique_ptr<Seen>> Seen::look(storage::Store& store, const catalog::Orders& orders,
                                         const catalog::Policies& policies) {
  auto releases = store.releases().all();
  if (!releases) return fail(releases.error());
  auto left_out = store.releases().left_out();
  if (!left_out) return fail(left_out.error());
  auto devices = store.fleet().devices();
  if (!devices) return fail(devices.error());
  const auto deliveries = store.fleet().deliveries(std::numeric_limits<std::size_t>::max());
  if (!deliveries) return fail(deliveries.error());
  const auto pins = store.operators().pins();
  if (!pins) return fail(pins.error());
  std::unique_ptr<Seen> seen(new Seen(orders, policies));
  seen->releases_ = std::move(*releases);
  seen->left_out_ = std::move(*left_out);
  seen->demand_ = catalog::demand_of(*devices, *deliveries);
  seen->devices_ = std::move(*devices);
  seen->demand_.insert(pins->begin(), pins->end());
  return seen;
}

}  // namespace

Result<std::unique_ptr<const source::Room>> CatalogRoom::look() {
  auto seen = Seen::look(store_, orders_, policies_);
  if (!seen) return fail(seen.error());
  return std::unique_ptr<const source::Room>(std::move(*seen));
}

Result<source::Made> CatalogRoom::make(const std::string& source, const formats::Release& wanted,
                                       std::uint64_t shortfall) {
  const auto seen = Seen::look(store_, orders_, policies_);
  if (!seen) return fail(seen.error());
  const std::string name = wanted.product + " " + wanted.version;
  if (!(*seen)->needs(wanted)) {
    log::info("source " + source, "{} ({}) is left out: there is no room, and nobody needs it",
              name, wanted.channel);
    const Status noted = store_.releases().leave_out(wanted);
    if (!noted) return fail(noted.error());
    return source::Made::left_out;
  }
  bool evicted = false;
  for (const auto* held : catalog::plan_eviction((*seen)->shelf(), wanted, shortfall)) {
    const formats::Release& release = held->release;
    const Status gone = store_.releases().evict(release, "room for " + name);
    // Another source may have been quicker.
    if (!gone && gone.error().code != ErrorCode::not_found) return fail(gone.error());
    evicted = true;
    log::info("source " + source, "evicted {} {} ({}): room for {}", release.product,
              release.version, release.channel, name);
  }
  if (evicted && evicted_) evicted_();
  return evicted ? source::Made::room : source::Made::nothing;
}

}  // namespace ferry::agent
