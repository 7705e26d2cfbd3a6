#include "transports/mqtt/executions.hpp"

#include <algorithm>

#include "transports/dialects/common.hpp"

namespace ferry::things {
namespace {

using formats::is_final;
using formats::JobStatus;
using formats::Json;

std::string url_of(const plugin::Artifact& artifact, std::string_view root) {
  return std::string(root) + "/" + dialects::percent_encoded(artifact.version) + "/" +
         dialects::percent_encoded(artifact.name);
}

Json file_of(const plugin::Artifact& artifact, std::string_view name, std::string_view root) {
  return {{"fileName", name},
          {"fileVersion", artifact.version},
          {"fileSource",
           {{"url", url_of(artifact, root)}, {"stream", artifact.sha256}, {"fileId", 0}}}};
}

void add_part(Work& work, std::string_view job, const char* operation, Json files) {
  if (files.empty()) return;
  Json document = Json::array({{{"operation", operation}, {"files", std::move(files)}}});
  work.parts.push_back({std::string(job), std::move(document)});
}

}  // namespace

Work work_of(const plugin::Offer& offer, std::string_view root) {
  Work work;
  work.delivery = offer.delivery;
  work.version = offer.version;
  Json image = Json::array();
  Json files = Json::array();
  for (const plugin::Artifact& artifact : offer.artifacts) {
    const bool is_image = artifact.role == "firmware" || artifact.role == "differential";
    if (is_image && image.empty()) image.push_back(file_of(artifact, artifact.name, root));
    if (artifact.role == "file") files.push_back(file_of(artifact, "/" + artifact.dst_path, root));
  }
  add_part(work, image_job, "FOTA", std::move(image));
  add_part(work, files_job, "app_fota", std::move(files));
  return work;
}

bool Executions::take(Work work, std::int64_t now) {
  const bool same = work.version == work_.version &&
                    std::equal(work.parts.begin(), work.parts.end(), work_.parts.begin(),
                               work_.parts.end(), [](const auto& a, const auto& b) {
                                 return a.job == b.job && a.document == b.document;
                               });
  const bool ended = std::all_of(executions_.begin(), executions_.end(),
                                 [](const auto& known) { return is_final(known.status); });
  if (same && (!ended || work.delivery == work_.delivery)) {
    work_.delivery = work.delivery;
    return false;
  }
  work_ = std::move(work);
  executions_.clear();
  ++numbers_;
  for (const Work::Part& part : work_.parts) {
    Execution execution;
    execution.job = part.job;
    execution.document = part.document;
    execution.number = numbers_;
    execution.queued_at = execution.updated_at = now;
    executions_.push_back(std::move(execution));
  }
  return !executions_.empty();
}

void Executions::set(Execution& execution, JobStatus status, std::int64_t now) {
  execution.status = status;
  execution.updated_at = now;
  ++execution.state;
  if (status == JobStatus::in_progress && !execution.started_at) execution.started_at = now;
}

void Executions::clear(std::int64_t now) {
  for (Execution& execution : executions_) {
    if (!is_final(execution.status)) set(execution, JobStatus::canceled, now);
  }
}

const Execution* Executions::pending() const {
  for (const JobStatus status : {JobStatus::in_progress, JobStatus::queued}) {
    const auto found = std::find_if(executions_.begin(), executions_.end(),
                                    [&](const auto& known) { return known.status == status; });
    if (found != executions_.end()) return &*found;
  }
  return nullptr;
}

const Execution* Executions::find(std::string_view job) const {
  const auto found = std::find_if(executions_.begin(), executions_.end(),
                                  [&](const auto& known) { return known.job == job; });
  return found == executions_.end() ? nullptr : &*found;
}

Execution* Executions::known(std::string_view job) {
  return const_cast<Execution*>(std::as_const(*this).find(job));
}

std::optional<Refused> Executions::check(std::string_view job, const Question& update) const {
  const Execution* execution = find(job);
  if (execution == nullptr || update.number.value_or(execution->number) != execution->number) {
    return Refused{"ResourceNotFound", "there is no such job for this thing; ask for it first"};
  }
  if (is_final(execution->status)) {
    return Refused{"InvalidStateTransition",
                   "the job is " + std::string(formats::to_string(execution->status))};
  }
  if (update.status == JobStatus::queued) {
    return Refused{"InvalidStateTransition", "a job is not queued again"};
  }
  if (update.expected_state.value_or(execution->state) != execution->state) {
    return Refused{"VersionMismatch", "its versionNumber is " + std::to_string(execution->state)};
  }
  return std::nullopt;
}

void Executions::apply(std::string_view job, const Question& update, std::int64_t now) {
  Execution* execution = known(job);
  if (execution == nullptr) return;
  set(*execution, update.status, now);
  if (!update.details.empty()) execution->details = Json::parse(update.details, nullptr, false);
  if (failed()) clear(now);
}

void Executions::start_next(std::int64_t now) {
  const Execution* next = pending();
  if (next == nullptr || next->status != JobStatus::queued) return;
  set(*known(next->job), JobStatus::in_progress, now);
}

bool Executions::succeeded() const {
  return !executions_.empty() &&
         std::all_of(executions_.begin(), executions_.end(),
                     [](const auto& known) { return known.status == JobStatus::succeeded; });
}

bool Executions::failed() const {
  return std::any_of(executions_.begin(), executions_.end(), [](const auto& known) {
    return known.status == JobStatus::failed || known.status == JobStatus::rejected;
  });
}

Json state_of(const Execution& execution) {
  return {{"status", formats::to_string(execution.status)},
          {"statusDetails", execution.details},
          {"versionNumber", execution.state}};
}

Json summary(const Execution& execution) {
  Json json = {{"jobId", execution.job},
               {"queuedAt", execution.queued_at},
               {"lastUpdatedAt", execution.updated_at},
               {"executionNumber", execution.number},
               {"versionNumber", execution.state}};
  if (execution.started_at) json["startedAt"] = *execution.started_at;
  return json;
}

Json describe(const Execution& execution, std::string_view thing, bool with_document) {
  Json json = summary(execution);
  json["thingName"] = thing;
  json["status"] = formats::to_string(execution.status);
  json["statusDetails"] = execution.details;
  if (with_document) json["jobDocument"] = execution.document;
  return json;
}

}  // namespace ferry::things
