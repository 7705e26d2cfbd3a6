// What operators said, in catalog.db. Internal to storage/.
#pragma once

#include "storage/catalog_database.hpp"
#include "storage/store.hpp"

namespace ferry::storage {

class CatalogOperators final : public OperatorStore {
 public:
  explicit CatalogOperators(CatalogDatabase& catalog) : catalog_(catalog) {}

  Result<std::set<std::pair<std::string, std::string>>> pins() override;
  Status pin(const std::string& product, const std::string& version, bool pinned) override;
  Result<std::uint64_t> command_sequence(const std::string& key) override;
  Status keep_command_sequence(const std::string& key, std::uint64_t sequence) override;

 private:
  CatalogDatabase& catalog_;
};

}  // namespace ferry::storage
