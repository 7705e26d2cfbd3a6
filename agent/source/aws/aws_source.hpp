// Source `aws-jobs`: jobs of AWS IoT for things that are devices behind this gateway, or products
// (docs/aws-jobs.md).
#pragma once

#include <set>
#include <string>

#include "agent/source/aws/job_fetch.hpp"
#include "agent/source/aws/job_updates.hpp"
#include "agent/source/aws/jobs_client.hpp"
#include "agent/source/http_client.hpp"
#include "agent/source/ledger.hpp"
#include "agent/source/source.hpp"
#include "agent/source/thrift.hpp"

namespace ferry::source::aws {

class AwsSource final : public Source {
 public:
  static Result<std::unique_ptr<Source>> make(const config::SourceSettings& settings,
                                              const Context& context);

  Result<Report> sync(std::stop_token stop) override;
  bool wait(std::stop_token stop, Duration longest) override { return jobs_.wait(stop, longest); }
  Progress progress() const override;
  storage::SourceState state() const override { return ledger_.state(); }

 private:
  // The job under way, as AWS knows it.
  struct Running {
    storage::Job job;
    std::uint64_t version = 0;  // of its state
    JobFetch::Progress progress;
    std::chrono::steady_clock::time_point told{};  // of its progress
  };

  AwsSource(const config::SourceSettings& settings, const Context& context, HttpClient client);

  Result<Report> attempt(const std::stop_token& stop);
  // Brings one thing's next job as far as it goes; true when it has ended, so that another may
  // follow.
  Result<bool> serve(const config::ThingSettings& thing, const std::stop_token& stop,
                     Report& report);
  Result<std::optional<formats::JobExecution>> ask_next(const std::string& thing,
                                                        const std::stop_token& stop);
  Result<std::optional<storage::Job>> open_job(const std::string& thing);
  Result<bool> is_here(const storage::Job& job);
  Status take_back(const storage::Job& job);
  Result<bool> take_up(const storage::Job& job, const formats::JobDocument& document,
                       const formats::JobExecution& execution, const std::stop_token& stop,
                       Report& report);
  Status fetch(const formats::JobDocument& document, const std::stop_token& stop);
  // The release of a device's job is here: the device shall get it, and AWS know it.
  Status announce(const storage::Job& job, std::uint64_t version, const std::stop_token& stop);
  Status hold(const storage::Job& job, const std::stop_token& stop);
  Status end(const storage::Job& job, formats::JobStatus status, const std::string& why);
  void tell_progress();
  Result<bool> say(const std::string& step, unsigned percent, const std::stop_token& stop);

  const config::SourceSettings settings_;
  Context context_;
  Ledger ledger_;
  HttpClient client_;
  Thrift thrift_;
  JobsClient jobs_;
  JobUpdates updates_;
  Running running_;
  std::chrono::steady_clock::time_point alive_{};  // when the connection was looked after
  std::stop_source abandoned_;                     // ends the fetch of a job that was taken back
  std::set<std::string> announced_;  // things whose job was told to be here since the start
};

}  // namespace ferry::source::aws
