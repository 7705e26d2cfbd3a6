// Jobs of the cloud between sources, which take them, and the desk, which brings them to devices.
#include "agent/state.hpp"
#include "base/log.hpp"

namespace ferry::agent {

void Agent::State::assign_job(const storage::Job& job, bool wanted) {
  const Status expected = desk->expect(job, wanted);
  if (expected) return;
  log::warning("source " + job.source, "job {} of {}: {}", job.job, job.thing,
               expected.error().message);
  // What may pass is tried again when the agent starts.
  if (!wanted || expected.error().code != ErrorCode::denied) return;
  worker.run(
      [this, job, why = expected.error().message] {
        const Status ended =
            store->jobs().end(job, {formats::JobStatus::rejected, "version", why, clock.now()});
        if (!ended) log::error("source " + job.source, "{}", ended.error().message);
      },
      [this] { tell_of_jobs(); });
}

// Deliveries and devices end jobs; the sources have to tell it on.
void Agent::State::tell_of_jobs() {
  const std::uint64_t added = store->jobs().added();
  if (added == reports_added) return;
  reports_added = added;
  for (auto& runner : runners) {
    if (runner->status().type == config::SourceType::aws_jobs) runner->poke();
  }
}

}  // namespace ferry::agent
