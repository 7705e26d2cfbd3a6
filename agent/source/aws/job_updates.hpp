// What AWS is told of jobs: how far they are, and how they ended.
#pragma once

#include <stop_token>
#include <string>

#include "agent/source/aws/jobs_client.hpp"
#include "agent/source/ledger.hpp"
#include "storage/store.hpp"

namespace ferry::source::aws {

// On the source's thread.
class JobUpdates {
 public:
  JobUpdates(JobsClient& client, storage::JobStore& jobs, Ledger& ledger)
      : client_(client), jobs_(jobs), ledger_(ledger) {}

  // Sends the reports that wait in the store, in order, each until AWS has acknowledged it. One
  // that AWS refuses for good is dropped, told and counted.
  Status send_reports(const std::stop_token& stop);
  // Says that a job goes on; `version` is its state's, before and afterwards. False when AWS does
  // not want that: the job was taken back, or has ended.
  Result<bool> say(const std::string& thing, const std::string& job, const std::string& details,
                   std::uint64_t& version, const std::stop_token& stop);

 private:
  struct Put {
    bool taken = false;
    std::string refusal;
  };
  // Where the state has changed in between, its version is asked for and the update made once more.
  Result<Put> put(const std::string& thing, const std::string& job, formats::JobUpdate& update,
                  const std::stop_token& stop);
  // The version of the job's state; a refusal says why it has none that could change.
  Result<Reply<std::uint64_t>> version_of(const std::string& thing, const std::string& job,
                                          const std::stop_token& stop);
  Status send(const storage::JobReport& report, const std::stop_token& stop);

  JobsClient& client_;
  storage::JobStore& jobs_;
  Ledger& ledger_;
};

}  // namespace ferry::source::aws
