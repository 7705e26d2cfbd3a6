#include "agent/catalog/view.hpp"

#include <algorithm>

#include "agent/catalog/version.hpp"

namespace ferry::catalog {

View::View(std::vector<storage::HeldRelease> releases,
           const std::vector<storage::StoredArtifact>& artifacts,
           const std::map<std::string, config::VersionOrder>& orders, std::set<std::string> lapsed)
    : releases_(std::move(releases)), lapsed_(std::move(lapsed)) {
  const auto order_of = [&](const std::string& product) {
    const auto found = orders.find(product);
    return found == orders.end() ? config::VersionOrder::loose : found->second;
  };
  artifacts_.reserve(artifacts.size());
  for (const auto& artifact : artifacts) artifacts_.emplace(artifact.sha256, artifact);
  for (const auto& held : releases_) {
    if (is_version(order_of(held.release.product), held.release.version)) {
      by_product_[held.release.product].push_back(&held);
    }
  }
  for (auto& [product, list] : by_product_) {
    const auto order = order_of(product);
    std::stable_sort(list.begin(), list.end(), [&](const auto* left, const auto* right) {
      return std::is_lt(*compare(order, left->release.version, right->release.version));
    });
  }
}

const std::vector<const storage::HeldRelease*>& View::releases_of(
    const std::string& product) const {
  static const std::vector<const storage::HeldRelease*> none;
  const auto found = by_product_.find(product);
  return found == by_product_.end() ? none : found->second;
}

const storage::HeldRelease* View::find(const std::string& product,
                                       const std::string& version) const {
  for (const auto* held : releases_of(product)) {
    if (held->release.version == version && servable(*held)) return held;
  }
  return nullptr;
}

const storage::StoredArtifact* View::artifact(const Sha256& sha256) const {
  const auto found = artifacts_.find(sha256);
  return found == artifacts_.end() ? nullptr : &found->second;
}

std::set<std::string> View::packs() const {
  std::set<std::string> names;
  for (const auto& [sha256, artifact] : artifacts_) names.insert(artifact.pack);
  return names;
}

std::vector<storage::StoredArtifact> View::artifacts_in(const std::string& pack) const {
  std::vector<storage::StoredArtifact> found;
  for (const auto& [sha256, artifact] : artifacts_) {
    if (artifact.pack == pack) found.push_back(artifact);
  }
  return found;
}

bool View::servable(const storage::HeldRelease& release) const {
  return release.complete && !lapsed_.contains(release.source) &&
         std::all_of(release.release.artifacts.begin(), release.release.artifacts.end(),
                     [&](const auto& artifact) { return artifacts_.contains(artifact.sha256); });
}

}  // namespace ferry::catalog
