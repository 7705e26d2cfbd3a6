// How releases spread, in catalog.db. Internal to storage/.
#pragma once

#include "storage/catalog_database.hpp"
#include "storage/store.hpp"

namespace ferry::storage {

// Inserts or updates within the transaction under way.
Status write_rollout(Database& database, const Rollout& rollout);

class CatalogRollouts final : public RolloutStore {
 public:
  CatalogRollouts(CatalogDatabase& catalog, std::uint64_t outbox_limit)
      : catalog_(catalog), outbox_limit_(outbox_limit) {}

  Result<std::vector<Rollout>> all() override;
  Status put(const Rollout& rollout, const std::vector<Event>& events) override;

 private:
  CatalogDatabase& catalog_;
  std::uint64_t outbox_limit_;
};

}  // namespace ferry::storage
