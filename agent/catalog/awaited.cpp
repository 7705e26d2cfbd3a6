#include "agent/catalog/awaited.hpp"

#include <algorithm>
#include <utility>

#include "agent/catalog/version.hpp"

namespace ferry::catalog {
namespace {

Policy policy_for(const Policies& policies, const std::string& product) {
  const auto found = policies.find(product);
  return found == policies.end() ? Policy() : found->second;
}

bool is_above(config::VersionOrder order, const std::string& left, const std::string& right) {
  const auto result = compare(order, left, right);
  return result && std::is_gt(*result);
}

// Where in `announced` the newest of each product and channel is, and each version of a product.
struct Places {
  std::map<std::pair<std::string, std::string>, std::size_t> newest;
  std::multimap<std::pair<std::string, std::string>, std::size_t> versions;

  Places(const std::vector<formats::Release>& announced, const Policies& policies) {
    for (std::size_t i = 0; i < announced.size(); ++i) {
      const formats::Release& release = announced[i];
      const auto order = policy_for(policies, release.product).versions;
      if (!is_version(order, release.version)) continue;
      versions.emplace(std::pair(release.product, release.version), i);
      const auto [place, fresh] = newest.emplace(std::pair(release.product, release.channel), i);
      if (!fresh && is_above(order, release.version, announced[place->second].version)) {
        place->second = i;
      }
    }
  }
};

}  // namespace

Policies policies_of(const std::vector<config::ProductSettings>& products) {
  Policies policies;
  for (const auto& product : products) policies.emplace(product.name, policy_of(product));
  return policies;
}

std::vector<Time> awaited(const std::vector<formats::Release>& announced,
                          const std::vector<storage::Device>& devices, const Policies& policies) {
  std::vector<Time> seen(announced.size());
  const Places places(announced, policies);
  for (const storage::Device& device : devices) {
    const auto note = [&](std::size_t i) { seen[i] = std::max(seen[i], device.last_seen); };
    if (!device.assigned_version.empty()) {
      const auto [first, last] =
          places.versions.equal_range({device.product, device.assigned_version});
      for (auto place = first; place != last; ++place) note(place->second);
      continue;
    }
    const Policy policy = policy_for(policies, device.product);
    const std::string& channel = device.channel.empty() ? policy.channel : device.channel;
    const auto place = places.newest.find({device.product, channel});
    if (place == places.newest.end()) continue;
    const std::string& version = announced[place->second].version;
    if (device.version.empty() || is_above(policy.versions, version, device.version)) {
      note(place->second);
    }
  }
  return seen;
}

}  // namespace ferry::catalog
