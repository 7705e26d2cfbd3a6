#include "agent/source/runner.hpp"

#include "agent/source/backoff.hpp"
#include "base/log.hpp"

namespace ferry::source {
namespace {

std::string trust_of(const config::SourceSettings& settings) {
  if (settings.type == config::SourceType::directory) return "local";
  if (settings.type == config::SourceType::tuf) return "tuf";
  if (settings.type == config::SourceType::aws_jobs) return "tls";
  return settings.trust == config::Trust::tls ? "tls" : "signature";
}

}  // namespace

SourceRunner::SourceRunner(std::unique_ptr<Source> source, const config::SourceSettings& settings,
                           const Clock& clock)
    : source_(std::move(source)),
      settings_(settings),
      clock_(clock),
      random_(std::random_device{}()),
      thread_([this] { loop(); }) {}

Result<std::unique_ptr<SourceRunner>> SourceRunner::start(const config::SourceSettings& settings,
                                                          const Context& context) {
  Result<std::unique_ptr<Source>> source = make_source(settings, context);
  if (!source) return fail(source.error(), "source " + settings.name);
  return std::make_unique<SourceRunner>(std::move(*source), settings, context.clock);
}

SourceRunner::~SourceRunner() {
  stop();
  thread_.join();
}

std::uint64_t SourceRunner::poke() {
  const std::lock_guard lock(mutex_);
  poked_ = true;
  wake_.request_stop();
  return runs_ + (running_ ? 2 : 1);
}

void SourceRunner::stop() {
  stop_.request_stop();
  const std::lock_guard lock(mutex_);
  wake_.request_stop();
}

RunnerStatus SourceRunner::status() const {
  RunnerStatus status;
  status.name = settings_.name;
  status.type = settings_.type;
  status.trust = trust_of(settings_);
  status.progress = source_->progress();
  status.state = source_->state();
  status.grace = settings_.grace;
  const std::lock_guard lock(mutex_);
  status.running = running_;
  status.runs = runs_;
  status.next_attempt = next_attempt_;
  return status;
}

Standing SourceRunner::standing(Time now) const {
  return standing_of(settings_, source_->state().trusted_until, now);
}

Duration SourceRunner::after(const Result<Report>& result, bool got_something) {
  const double chance = std::uniform_real_distribution<double>(0, 1)(random_);
  if (result) {
    failures_ = 0;
    return jittered(settings_.interval, chance);
  }
  // A link that brings a part each time is worth asking again soon.
  failures_ = got_something ? 1 : failures_ + 1;
  return backoff(failures_, result.error().code, settings_.interval, chance);
}

void SourceRunner::wait_for(Duration delay) {
  std::stop_token woken;
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    ++runs_;
    next_attempt_ = clock_.now() + delay;
    woken = wake_.get_token();
  }
  if (!stop_.stop_requested()) source_->wait(woken, delay);
  const std::lock_guard lock(mutex_);
  running_ = true;
  if (poked_) {
    poked_ = false;
    wake_ = std::stop_source();
  }
}

void SourceRunner::loop() {
  std::string last_error;
  {
    const std::lock_guard lock(mutex_);
    running_ = true;
  }
  while (!stop_.stop_requested()) {
    const std::uint64_t before = source_->progress().bytes_fetched;
    const Result<Report> result = source_->sync(stop_.get_token());
    if (stop_.stop_requested()) break;
    const std::string error = result ? "" : result.error().message;
    // One line when it changes, not one for each attempt while the link is away.
    if (error != last_error) {
      if (error.empty()) log::info("source " + settings_.name, "works again");
      if (!error.empty()) log::warning("source " + settings_.name, "{}", error);
    }
    last_error = error;
    wait_for(after(result, source_->progress().bytes_fetched > before));
  }
  const std::lock_guard lock(mutex_);
  running_ = false;
}

}  // namespace ferry::source
