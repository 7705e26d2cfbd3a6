// Jobs of the cloud and the reports about them, in catalog.db. Internal to storage/.
#pragma once

#include <atomic>

#include "storage/catalog_database.hpp"
#include "storage/store.hpp"

namespace ferry::storage {

// What follows for jobs within the transaction under way. A delivery that ended ends the job of its
// device and version; a device that runs the version of its job has done it.
// The reports that came of it are counted.
struct ReportCount {
  const std::uint64_t limit;  // that may wait; the oldest makes room, which is counted in the store
  std::atomic<std::uint64_t> added = 0;
};
Status conclude_jobs(Database& database, const Delivery& delivery, ReportCount& count);
Status conclude_jobs(Database& database, const Device& device, ReportCount& count);

// Fills in what waits, and what was dropped.
Status count_reports(Database& database, Usage& usage);

class CatalogJobs final : public JobStore {
 public:
  CatalogJobs(CatalogDatabase& catalog, ReportCount& count) : catalog_(catalog), count_(count) {}

  Result<std::vector<Job>> open(const std::string& source) override;
  Status put(const Job& job) override;
  Status remove(const Job& job) override;
  Status end(const Job& job, const JobOutcome& outcome) override;
  Result<std::vector<JobReport>> reports(const std::string& source, std::size_t limit) override;
  std::uint64_t added() const override { return count_.added; }
  Status reported(std::uint64_t sequence) override;

 private:
  CatalogDatabase& catalog_;
  ReportCount& count_;
};

}  // namespace ferry::storage
