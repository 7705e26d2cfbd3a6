#include "formats/job_messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/json.hpp"
#include "formats/utf8.hpp"

namespace ferry::formats {
namespace {

constexpr auto status_names =
    std::to_array<std::string_view>({"QUEUED", "IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED",
                                     "TIMED_OUT", "REMOVED", "CANCELED"});
constexpr JsonLimits message_limits{128U << 10U, 12};
constexpr std::size_t token_limit = 64;

bool consists_of(std::string_view text, std::size_t longest, std::string_view others) {
  return !text.empty() && text.size() <= longest &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  others.find(c) != std::string_view::npos;
         });
}

Failure bad_message(std::string_view what) {
  return fail(ErrorCode::invalid, fmt::format("job message: {}", what));
}

Result<Json> object_from(std::string_view text) {
  auto json = parse_json(text, "job message", message_limits);
  if (!json) return json;
  if (!json->is_object()) return bad_message("not a JSON object");
  return json;
}

Result<std::string> token_in(const Json& object) {
  auto token = optional_text(object, "clientToken");
  if (!token) return bad_message(token.error().message);
  if (token->size() > token_limit) return bad_message("'clientToken' is too long");
  return token;
}

std::optional<JobStatus> status_named(std::string_view name) {
  const auto* const found = std::find(status_names.begin(), status_names.end(), name);
  if (found == status_names.end()) return std::nullopt;
  return static_cast<JobStatus>(found - status_names.begin());
}

Result<JobStatus> status_in(const Json& object) {
  const auto name = text_at(object, "status");
  if (!name) return bad_message(name.error().message);
  const auto status = status_named(*name);
  if (!status) return bad_message("its status is none that is known");
  return *status;
}

Result<std::uint64_t> version_in(const Json& object) {
  const auto version = unsigned_at(object, "versionNumber");
  if (!version) return bad_message(version.error().message);
  return *version;
}

Result<JobExecution> execution_from(const Json& json) {
  JobExecution execution;
  auto job = text_at(json, "jobId");
  if (!job) return bad_message(job.error().message);
  // It becomes part of topics.
  if (!is_job_id(*job)) return bad_message("'jobId' is no id of a job");
  execution.job = std::move(*job);
  const auto status = status_in(json);
  if (!status) return fail(status.error());
  execution.status = *status;
  const auto version = version_in(json);
  if (!version) return fail(version.error());
  execution.version = *version;
  if (const auto document = json.find("jobDocument"); document != json.end()) {
    execution.document = to_text(*document);
  }
  return execution;
}

JobError error_named(std::string_view code) {
  if (code == "VersionMismatch") return JobError::version_mismatch;
  if (code == "InvalidStateTransition") return JobError::invalid_transition;
  if (code == "TerminalStateReached") return JobError::invalid_transition;
  if (code == "ResourceNotFound") return JobError::not_found;
  if (code == "RequestThrottled") return JobError::throttled;
  return JobError::other;
}

}  // namespace

std::string_view to_string(JobStatus status) {
  return status_names.at(static_cast<std::size_t>(status));
}

JobStatus job_status(std::string_view name) {
  return status_named(name).value_or(JobStatus::failed);
}

bool is_final(JobStatus status) {
  return status != JobStatus::queued && status != JobStatus::in_progress;
}

bool is_thing_name(std::string_view text) {
  return consists_of(text, 128, ":_-");
}

bool is_job_id(std::string_view text) {
  return consists_of(text, 64, "_-");
}

Result<JobAnswer> parse_job_answer(std::string_view text) {
  const auto object = object_from(text);
  if (!object) return fail(object.error());
  JobAnswer answer;
  auto token = token_in(*object);
  if (!token) return fail(token.error());
  answer.token = std::move(*token);
  const auto found = object->find("execution");
  // Where none is pending AWS leaves it out, or sends an empty object.
  if (found == object->end() || (found->is_object() && found->empty())) return answer;
  auto execution = execution_from(*found);
  if (!execution) return fail(execution.error());
  answer.execution = std::move(*execution);
  return answer;
}

Result<JobUpdated> parse_job_updated(std::string_view text) {
  const auto object = object_from(text);
  if (!object) return fail(object.error());
  JobUpdated updated;
  auto token = token_in(*object);
  if (!token) return fail(token.error());
  updated.token = std::move(*token);
  const auto state = object->find("executionState");
  if (state == object->end()) return bad_message("'executionState' is missing");
  const auto version = version_in(*state);
  if (!version) return fail(version.error());
  updated.version = *version;
  return updated;
}

Result<JobRefusal> parse_job_refusal(std::string_view text) {
  const auto object = object_from(text);
  if (!object) return fail(object.error());
  JobRefusal refusal;
  auto token = token_in(*object);
  if (!token) return fail(token.error());
  refusal.token = std::move(*token);
  const auto code = text_at(*object, "code");
  if (!code) return bad_message(code.error().message);
  const auto message = optional_text(*object, "message");
  if (!message) return bad_message(message.error().message);
  refusal.error = error_named(*code);
  refusal.text = job_detail(message->empty() ? *code : *code + ": " + *message);
  return refusal;
}

std::string write_job_question(std::string_view token, bool with_document) {
  return to_text({{"clientToken", token}, {"includeJobDocument", with_document}});
}

std::string write_job_update(std::string_view token, const JobUpdate& update) {
  Json json = {{"clientToken", token},
               {"status", to_string(update.status)},
               {"expectedVersion", update.expected_version},
               {"includeJobExecutionState", true}};
  Json details = Json::parse(update.details, nullptr, false);
  if (details.is_object()) json["statusDetails"] = std::move(details);
  return to_text(json);
}

std::string job_detail(std::string_view text) {
  std::string detail;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (detail.size() + std::max<std::size_t>(length, 1) > job_detail_limit) break;
    const auto first = static_cast<unsigned char>(text.front());
    const bool control =
        first < 0x20 || first == 0x7F ||
        (length == 2 && first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0);
    if (length == 0 || control) {
      detail += '?';
    } else {
      detail += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return detail.empty() ? "-" : detail;
}

}  // namespace ferry::formats
