// Trusted documents in catalog.db. Internal to storage/.
#pragma once

#include "storage/catalog_database.hpp"
#include "storage/store.hpp"

namespace ferry::storage {

class CatalogTrust final : public TrustStore {
 public:
  explicit CatalogTrust(CatalogDatabase& catalog) : catalog_(catalog) {}

  Result<std::optional<TrustedDocument>> find(const std::string& source,
                                              const std::string& name) override;
  Status put(const std::vector<TrustChange>& changes) override;
  Result<Time> time_floor() override;
  Status put_time_floor(Time floor) override;

 private:
  CatalogDatabase& catalog_;
};

}  // namespace ferry::storage
