// Who was woken, in catalog.db. Internal to storage/.
#pragma once

#include "storage/catalog_database.hpp"
#include "storage/store.hpp"

namespace ferry::storage {

class CatalogWakes final : public WakeStore {
 public:
  CatalogWakes(CatalogDatabase& catalog, std::uint64_t outbox_limit)
      : catalog_(catalog), outbox_limit_(outbox_limit) {}

  Result<std::vector<WakeUp>> all() override;
  Status put(const WakeUp& wake, const std::vector<Event>& events) override;

 private:
  CatalogDatabase& catalog_;
  std::uint64_t outbox_limit_;
};

}  // namespace ferry::storage
