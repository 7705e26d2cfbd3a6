// Devices, deliveries and the sources' memory in catalog.db. Internal to storage/.
#pragma once

#include "storage/catalog_database.hpp"
#include "storage/jobs.hpp"
#include "storage/store.hpp"

namespace ferry::storage {

class CatalogFleet final : public FleetStore {
 public:
  CatalogFleet(CatalogDatabase& catalog, std::uint64_t outbox_limit, ReportCount& job_reports)
      : catalog_(catalog), outbox_limit_(outbox_limit), job_reports_(job_reports) {}

  Status put(const Device& device) override;
  Status put(const std::vector<Device>& devices) override;
  Result<std::vector<Device>> devices() override;
  Result<std::uint64_t> put(const Delivery& delivery, const std::vector<Event>& events,
                            const std::optional<Rollout>& rollout) override;
  Result<std::vector<Delivery>> deliveries(std::size_t newest) override;
  Status put(const SourceState& state) override;
  Result<SourceState> source(const std::string& name) override;

 private:
  CatalogDatabase& catalog_;
  std::uint64_t outbox_limit_;
  ReportCount& job_reports_;  // that were added
};

}  // namespace ferry::storage
