#include "agent/source/ledger.hpp"

#include <utility>

#include "base/log.hpp"
#include "formats/json.hpp"

namespace ferry::source {
namespace {

// A kill forgets at most so many bytes of what a budget was spent on.
constexpr std::uint64_t write_down_bytes = 1U << 20U;

storage::Event event(Time at, std::string kind, const formats::Json& detail) {
  storage::Event made;
  made.at = at;
  made.kind = std::move(kind);
  made.detail = formats::to_text(detail);
  return made;
}

}  // namespace

Ledger::Ledger(const Context& context, const std::string& source) : context_(context) {
  state_.name = source;
  (void)recall();  // tried again by each attempt, which fails without it
}

Status Ledger::recall() {
  Result<storage::SourceState> known = context_.store.fleet().source(state_.name);
  if (!known) return fail(known.error(), "source state");
  known->name = state_.name;
  state_ = std::move(*known);
  recalled_ = true;
  return {};
}

storage::SourceState Ledger::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

Progress Ledger::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

Status Ledger::write(const storage::SourceState& state) {
  return context_.store.fleet().put(state);
}

Status Ledger::attempt_begins() {
  const std::lock_guard lock(mutex_);
  // Without the highest sequence that was accepted, an old index could not be told from a new one.
  if (!recalled_) {
    if (Status known = recall(); !known) return known;
  }
  state_.last_attempt = context_.clock.now();
  progress_.waits = false;
  return {};
}

Result<Report> Ledger::attempt_ends(Result<Report> result) {
  storage::SourceState row;
  {
    const std::lock_guard lock(mutex_);
    if (result) {
      state_.last_success = context_.clock.now();
      state_.last_error.clear();
    } else if (result.error().code != ErrorCode::cancelled) {
      state_.last_error = result.error().message;
    }
    const Progress before = std::exchange(progress_, Progress());
    progress_.bytes_fetched = before.bytes_fetched;
    progress_.waits = before.waits && !result;
    row = state_;
  }
  const Status written = write(row);
  if (!written && result) return fail(written.error(), "source state");
  return result;
}

Status Ledger::accepted(std::uint64_t sequence) {
  storage::SourceState row;
  {
    const std::lock_guard lock(mutex_);
    if (sequence == state_.sequence) return {};
    state_.sequence = sequence;
    row = state_;
  }
  return write(row);
}

void Ledger::set_validator(const std::string& validator) {
  const std::lock_guard lock(mutex_);
  state_.validator = validator;
}

void Ledger::trusted_until(Time end) {
  const std::lock_guard lock(mutex_);
  state_.trusted_until = end;
}

void Ledger::waits(const std::string& why) {
  const std::lock_guard lock(mutex_);
  state_.last_error = why;
  progress_.waits = true;
}

void Ledger::goes_on() {
  const std::lock_guard lock(mutex_);
  state_.last_error.clear();
  progress_.waits = false;
}

void Ledger::spent(Time period_begin, std::uint64_t bytes) {
  storage::SourceState row;
  {
    const std::lock_guard lock(mutex_);
    // A clock that went back begins no period anew.
    if (period_begin > state_.period_begin) {
      state_.period_begin = period_begin;
      state_.period_bytes = 0;
    }
    state_.period_bytes += bytes;
    unwritten_ += bytes;
    if (unwritten_ < write_down_bytes) return;
    unwritten_ = 0;
    row = state_;
  }
  if (const Status written = write(row); !written) {
    log::error("source " + row.name, "{}", written.error().message);
  }
}

void Ledger::rejected(const std::string& what, const std::string& why) {
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    ++state_.rejected;
    name = state_.name;
  }
  log::warning("source " + name, "rejected {}: {}", what, why);
  const Status told = context_.store.outbox().append(
      {event(context_.clock.now(), "rejected", {{"source", name}, {"what", what}, {"why", why}})});
  if (!told) log::error("source " + name, "{}", told.error().message);
}

void Ledger::artifact_begins(const formats::Release& release,
                             const formats::ReleaseArtifact& artifact, std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  progress_.artifact = artifact.name;
  progress_.release = release.product + " " + release.version;
  progress_.bytes_done = offset;
  progress_.bytes_total = artifact.size;
}

void Ledger::received(std::size_t length) {
  {
    const std::lock_guard lock(mutex_);
    progress_.bytes_done += length;
    progress_.bytes_fetched += length;
    state_.bytes_fetched += length;
  }
  if (context_.received) context_.received(length);
}

void Ledger::artifact_at(std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  progress_.bytes_done = offset;
}

void Ledger::artifact_ends() {
  const std::lock_guard lock(mutex_);
  progress_.artifact.clear();
}

std::vector<storage::Event> Ledger::admission_events(const formats::Release& release,
                                                     std::uint64_t bytes_fetched,
                                                     std::string_view checked) const {
  const Time now = context_.clock.now();
  formats::Json detail = {{"source", state().name},
                          {"product", release.product},
                          {"version", release.version},
                          {"channel", release.channel}};
  formats::Json fetched = detail;
  fetched["artifacts"] = release.artifacts.size();
  fetched["bytes"] = bytes_fetched;
  detail["trust"] = checked;
  return {event(now, "fetched", fetched), event(now, "verified", detail)};
}

}  // namespace ferry::source
