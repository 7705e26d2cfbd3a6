#include "agent/catalog/eviction.hpp"

#include <algorithm>
#include <unordered_map>

#include "agent/catalog/version.hpp"

namespace ferry::catalog {
namespace {

using formats::Role;

// A device takes image, files and archive each by itself; a differential package is an image too.
Role kind_of(Role role) {
  return role == Role::differential ? Role::firmware : role;
}

bool is_open(storage::DeliveryState state) {
  switch (state) {
    case storage::DeliveryState::installed:
    case storage::DeliveryState::failed:
    case storage::DeliveryState::rolled_back:
    case storage::DeliveryState::cancelled:
    case storage::DeliveryState::unknown:
      return false;
    default:
      return true;
  }
}

// Versions that cannot be compared supersede nothing.
bool is_above(const Orders& orders, const formats::Release& left, const formats::Release& right) {
  const auto order = orders.find(left.product);
  const auto result = compare(order == orders.end() ? config::VersionOrder::loose : order->second,
                              left.version, right.version);
  return result && std::is_gt(*result);
}

bool has_kind(const formats::Release& release, Role kind) {
  return std::any_of(release.artifacts.begin(), release.artifacts.end(),
                     [&](const auto& artifact) { return kind_of(artifact.role) == kind; });
}

// Whether a whole release of the same channel is above it; `fits` says which ones count.
template <typename Fits>
bool is_superseded(const Shelf& shelf, const formats::Release& release, const Fits& fits) {
  return std::any_of(shelf.releases.begin(), shelf.releases.end(), [&](const auto& held) {
    const formats::Release& other = held.release;
    return held.complete && other.product == release.product && other.channel == release.channel &&
           is_above(shelf.orders, other, release) && fits(other);
  });
}

bool is_superseded_in(const Shelf& shelf, const formats::Release& release, Role kind) {
  return is_superseded(shelf, release, [&](const auto& other) { return has_kind(other, kind); });
}

bool is_newest(const Shelf& shelf, const formats::Release& release) {
  if (release.artifacts.empty()) {
    return !is_superseded(shelf, release, [](const auto&) { return true; });
  }
  return std::any_of(release.artifacts.begin(), release.artifacts.end(), [&](const auto& artifact) {
    return !is_superseded_in(shelf, release, kind_of(artifact.role));
  });
}

// Whether a package that is still offered makes something else of this version.
bool is_base(const Shelf& shelf, const formats::Release& release) {
  return std::any_of(shelf.releases.begin(), shelf.releases.end(), [&](const auto& held) {
    const auto& artifacts = held.release.artifacts;
    return held.release.product == release.product &&
           std::any_of(artifacts.begin(), artifacts.end(),
                       [&](const auto& artifact) {
                         return artifact.role == Role::differential &&
                                artifact.from == release.version;
                       }) &&
           !is_superseded_in(shelf, held.release, Role::firmware);
  });
}

}  // namespace

Orders orders_of(const std::vector<config::ProductSettings>& products) {
  Orders orders;
  for (const auto& product : products) orders[product.name] = product.versions;
  return orders;
}

Demand demand_of(const std::vector<storage::Device>& devices,
                 const std::vector<storage::Delivery>& deliveries) {
  Demand demand;
  for (const auto& device : devices) {
    demand.emplace(device.product, device.version);
    demand.emplace(device.product, device.assigned_version);
  }
  for (const auto& delivery : deliveries) {
    if (!is_open(delivery.state)) continue;
    demand.emplace(delivery.product, delivery.version);
    demand.emplace(delivery.product, delivery.from_version);
  }
  return demand;
}

bool is_needed(const Shelf& shelf, const formats::Release& release) {
  return shelf.demand.contains({release.product, release.version}) || is_newest(shelf, release) ||
         is_base(shelf, release);
}

std::vector<const storage::HeldRelease*> plan_eviction(const Shelf& shelf,
                                                       const formats::Release& wanted,
                                                       std::uint64_t shortfall) {
  std::unordered_map<Sha256, int, Sha256Hash> users;
  for (const auto& artifact : wanted.artifacts) ++users[artifact.sha256];
  std::vector<const storage::HeldRelease*> candidates;
  for (const auto& held : shelf.releases) {
    for (const auto& artifact : held.release.artifacts) ++users[artifact.sha256];
    if (!is_needed(shelf, held.release)) candidates.push_back(&held);
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto* left, const auto* right) {
    return left->admitted < right->admitted;
  });
  std::vector<const storage::HeldRelease*> chosen;
  std::uint64_t freed = 0;
  for (const auto* held : candidates) {
    if (freed >= shortfall) break;
    chosen.push_back(held);
    for (const auto& artifact : held->release.artifacts) {
      if (--users[artifact.sha256] == 0) freed += artifact.size;
    }
  }
  return freed >= shortfall ? chosen : std::vector<const storage::HeldRelease*>();
}

}  // namespace ferry::catalog
