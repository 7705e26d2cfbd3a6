// Which releases may go when the store is full. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "storage/store.hpp"

namespace ferry::catalog {

using Orders =
    std::map<std::string, config::VersionOrder>;  // by product; those not in it are loose
Orders orders_of(const std::vector<config::ProductSettings>& products);

// Product and version of what devices run, are to run, or are getting just now.
using Demand = std::set<std::pair<std::string, std::string>>;

// What a known device runs stays here, since differences are told from it.
Demand demand_of(const std::vector<storage::Device>& devices,
                 const std::vector<storage::Delivery>& deliveries);

// What is known when room is short. Refers to what it was made of.
struct Shelf {
  const std::vector<storage::HeldRelease>& releases;
  const Demand& demand;
  const Orders& orders;
};

// Whether a release, held or not, is in demand, is the base of a differential package that a newest
// release has, or is the newest whole one of its product and channel in any of what devices take
// each by itself (image, files, archive). One whose artifacts are not known (it has none here) is
// the newest when no whole one is above it.
bool is_needed(const Shelf& shelf, const formats::Release& release);

// Which releases to remove so that about `shortfall` bytes come free for `wanted`: of those not
// needed the ones held for longest. Nothing when all of them together would not do.
std::vector<const storage::HeldRelease*> plan_eviction(const Shelf& shelf,
                                                       const formats::Release& wanted,
                                                       std::uint64_t shortfall);

}  // namespace ferry::catalog
