#include "agent/source/aws/job_updates.hpp"

#include <fmt/format.h>

#include "base/log.hpp"

namespace ferry::source::aws {
namespace {

using formats::JobError;
using formats::JobRefusal;

// A state that others change all the time is left for the next attempt.
constexpr int most_tries = 2;

Failure throttled(const JobRefusal& refusal) {
  return fail(ErrorCode::unavailable, refusal.text);
}

}  // namespace

Result<Reply<std::uint64_t>> JobUpdates::version_of(const std::string& thing,
                                                    const std::string& job,
                                                    const std::stop_token& stop) {
  const auto state = client_.state(thing, job, stop);
  if (!state) return fail(state.error());
  if (!*state) return Reply<std::uint64_t>(tl::unexpect, state->error());
  const auto& execution = (*state)->execution;
  const auto gone = [](std::string text) {
    return Reply<std::uint64_t>(tl::unexpect,
                                JobRefusal{"", JobError::invalid_transition, std::move(text)});
  };
  if (!execution) return gone("AWS knows it no more");
  if (is_final(execution->status)) {
    return gone(fmt::format("it is {} already", to_string(execution->status)));
  }
  return Reply<std::uint64_t>(execution->version);
}

Result<JobUpdates::Put> JobUpdates::put(const std::string& thing, const std::string& job,
                                        formats::JobUpdate& update, const std::stop_token& stop) {
  for (int tries = 1;; ++tries) {
    const auto updated = client_.update(thing, job, update, stop);
    if (!updated) return fail(updated.error());
    if (*updated) {
      update.expected_version = (*updated)->version;
      return Put{true, ""};
    }
    const JobRefusal& refusal = updated->error();
    if (refusal.error == JobError::throttled) return throttled(refusal);
    if (refusal.error != JobError::version_mismatch) return Put{false, refusal.text};
    if (tries == most_tries) return fail(ErrorCode::unavailable, refusal.text);
    const auto version = version_of(thing, job, stop);
    if (!version) return fail(version.error());
    if (!*version) return Put{false, version->error().text};
    update.expected_version = **version;
  }
}

Result<bool> JobUpdates::say(const std::string& thing, const std::string& job,
                             const std::string& details, std::uint64_t& version,
                             const std::stop_token& stop) {
  formats::JobUpdate update{formats::JobStatus::in_progress, details, version};
  const auto said = put(thing, job, update, stop);
  if (!said) return fail(said.error());
  version = update.expected_version;
  if (!said->taken) {
    ledger_.rejected(fmt::format("job {} of {}", job, thing), said->refusal);
  }
  return said->taken;
}

Status JobUpdates::send(const storage::JobReport& report, const std::stop_token& stop) {
  const auto version = version_of(report.thing, report.job, stop);
  if (!version) return fail(version.error());
  Put put_there;
  if (*version) {
    formats::JobUpdate update{report.status, report.details, **version};
    auto done = put(report.thing, report.job, update, stop);
    if (!done) return fail(done.error());
    put_there = std::move(*done);
  } else {
    if (version->error().error == JobError::throttled) return throttled(version->error());
    put_there.refusal = version->error().text;
  }
  const std::string name = fmt::format("job {} of {}", report.job, report.thing);
  if (put_there.taken) {
    log::info("source " + ledger_.state().name, "{}: {} is reported", name,
              to_string(report.status));
  } else {
    ledger_.rejected(fmt::format("{}: {}", name, to_string(report.status)), put_there.refusal);
  }
  return jobs_.reported(report.sequence);
}

Status JobUpdates::send_reports(const std::stop_token& stop) {
  for (;;) {
    const auto waiting = jobs_.reports(ledger_.state().name, 1);
    if (!waiting) return fail(waiting.error());
    if (waiting->empty()) return {};
    if (Status sent = send(waiting->front(), stop); !sent) return sent;
  }
}

}  // namespace ferry::source::aws
