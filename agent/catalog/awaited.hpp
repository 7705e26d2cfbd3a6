// Which of the releases upstream devices wait for. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/catalog/offer.hpp"
#include "base/clock.hpp"
#include "storage/store.hpp"

namespace ferry::catalog {

// By the product's name; of those that are not in it, Policy() is meant.
using Policies = std::map<std::string, Policy>;
Policies policies_of(const std::vector<config::ProductSettings>& products);

// For each of `announced`, of which product, version and channel count, when a device that waits
// for it was seen last; Time{} where none does. A device waits for the release that it is assigned,
// or else for the newest of its channel above its own version.
std::vector<Time> awaited(const std::vector<formats::Release>& announced,
                          const std::vector<storage::Device>& devices, const Policies& policies);

}  // namespace ferry::catalog
