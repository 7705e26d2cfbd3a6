// What AWS IoT answers on the topics of a thing's jobs ($aws/things/THING/jobs/…), and what it is
// asked. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ferry::formats {

// Longer ones are cut: AWS refuses the whole update otherwise.
inline constexpr std::size_t job_detail_limit = 1024;  // bytes of one value of statusDetails

enum class JobStatus {
  queued,
  in_progress,
  succeeded,
  failed,
  rejected,
  timed_out,
  removed,
  canceled,
};
std::string_view to_string(JobStatus status);
// Of a text that to_string() made; any other is failed.
JobStatus job_status(std::string_view name);
// Nothing follows any more.
bool is_final(JobStatus status);

bool is_thing_name(std::string_view text);  // 1..128 of [A-Za-z0-9:_-]
bool is_job_id(std::string_view text);      // 1..64 of [A-Za-z0-9_-]

struct JobExecution {
  std::string job;
  JobStatus status = JobStatus::queued;
  std::uint64_t version = 0;  // of the execution's state, for expectedVersion
  std::string document;       // JSON; "" where it was not asked for
};

// The answer to jobs/$next/get and jobs/JOB/get.
struct JobAnswer {
  std::string token;                      // the question's clientToken; "" none
  std::optional<JobExecution> execution;  // nothing: no job is pending
};
Result<JobAnswer> parse_job_answer(std::string_view text);

// The answer to jobs/JOB/update.
struct JobUpdated {
  std::string token;
  std::uint64_t version = 0;  // of the state that came of it
};
Result<JobUpdated> parse_job_updated(std::string_view text);

enum class JobError {
  version_mismatch,
  invalid_transition,  // of its state, or it has reached its end
  not_found,
  throttled,
  other,
};

struct JobRefusal {
  std::string token;
  JobError error = JobError::other;
  std::string text;  // its code and message, for people
};
Result<JobRefusal> parse_job_refusal(std::string_view text);

std::string write_job_question(std::string_view token, bool with_document);

struct JobUpdate {
  JobStatus status = JobStatus::in_progress;
  std::string details;  // a JSON object of texts; "" none
  std::uint64_t expected_version = 0;
};
std::string write_job_update(std::string_view token, const JobUpdate& update);

// A text as a value of statusDetails may be: not empty, without control characters, not too long.
std::string job_detail(std::string_view text);

}  // namespace ferry::formats
