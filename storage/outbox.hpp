// The outbox in catalog.db. Internal to storage/.
#pragma once

#include "storage/catalog_database.hpp"
#include "storage/store.hpp"

namespace ferry::storage {

// Adds events inside the caller's transaction, then drops what is too much: the oldest that tell
// how something goes on (fetched, verified, delivered) first, and others, which tell how it ended,
// only when none of those is left. What was dropped is counted.
Status add_events(Database& database, const std::vector<Event>& events, std::uint64_t limit);

class CatalogOutbox final : public Outbox {
 public:
  CatalogOutbox(CatalogDatabase& catalog, std::uint64_t limit) : catalog_(catalog), limit_(limit) {}

  Status append(const std::vector<Event>& events) override;
  Result<std::vector<Event>> waiting(std::uint64_t after_sequence, std::size_t limit) override;
  Status acknowledge(const std::vector<std::uint64_t>& sequences) override;
  Result<std::uint64_t> size() override;
  Result<std::uint64_t> dropped() override;

 private:
  Result<std::uint64_t> counter(const char* name);

  CatalogDatabase& catalog_;
  std::uint64_t limit_;
};

}  // namespace ferry::storage
