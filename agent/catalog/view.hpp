// The catalog in memory: what is known of releases and where their bytes are. Immutable once built,
// so the loop reads it while the store is written.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/settings.hpp"
#include "storage/store.hpp"

namespace ferry::catalog {

class View {
 public:
  // `orders` says how the versions of each product are ordered; products that are not in it are
  // ordered loosely. Releases of the sources in `lapsed` are not servable.
  View(std::vector<storage::HeldRelease> releases,
       const std::vector<storage::StoredArtifact>& artifacts,
       const std::map<std::string, config::VersionOrder>& orders,
       std::set<std::string> lapsed = {});

  // The releases of a product, oldest version first; empty when there are none. Those whose version
  // is none in the product's order are left out.
  const std::vector<const storage::HeldRelease*>& releases_of(const std::string& product) const;
  const storage::HeldRelease* find(const std::string& product, const std::string& version) const;
  const storage::StoredArtifact* artifact(const Sha256& sha256) const;
  // True when every artifact of the release can be served now, and its source is still believed.
  bool servable(const storage::HeldRelease& release) const;
  const std::vector<storage::HeldRelease>& all() const { return releases_; }
  const std::set<std::string>& lapsed() const { return lapsed_; }
  // The packs that bytes can be served from.
  std::set<std::string> packs() const;
  std::vector<storage::StoredArtifact> artifacts_in(const std::string& pack) const;

 private:
  std::vector<storage::HeldRelease> releases_;
  std::set<std::string> lapsed_;  // names of sources
  std::map<std::string, std::vector<const storage::HeldRelease*>> by_product_;
  std::unordered_map<Sha256, storage::StoredArtifact, Sha256Hash> artifacts_;
};

}  // namespace ferry::catalog
