#include "agent/source/aws/aws_source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "agent/source/intake.hpp"
#include "base/log.hpp"
#include "formats/json.hpp"

namespace ferry::source::aws {
namespace {

using formats::JobStatus;

constexpr Duration progress_interval = std::chrono::seconds(10);
constexpr Duration alive_interval = std::chrono::seconds(1);
// Jobs of one thing that may end in one attempt.
constexpr int most_jobs = 16;

// AWS keeps texts alone.
std::string details_of(const std::string& step, unsigned percent) {
  return formats::to_text({{"step", step}, {"progress", std::to_string(percent)}});
}

config::SourceSettings without_certificate(config::SourceSettings settings) {
  // The thing's certificate is for the broker, not for whoever a URL names.
  settings.client_certificate.clear();
  settings.client_key.clear();
  return settings;
}

std::string name_of(const storage::Job& job) {
  return fmt::format("job {} of {}", job.job, job.thing);
}

}  // namespace

Result<std::unique_ptr<Source>> AwsSource::make(const config::SourceSettings& settings,
                                                const Context& context) {
  Result<HttpClient> client = HttpClient::open(without_certificate(settings), &context.time);
  if (!client) return fail(client.error());
  return std::unique_ptr<Source>(new AwsSource(settings, context, std::move(*client)));
}

AwsSource::AwsSource(const config::SourceSettings& settings, const Context& context,
                     HttpClient client)
    : settings_(settings),
      context_(context),
      ledger_(context_, settings.name),
      client_(std::move(client)),
      thrift_(settings_, context_, ledger_),
      jobs_(settings_),
      updates_(jobs_, context_.store.jobs(), ledger_) {
  client_.count_by(thrift_);
  thrift_.fetches(Purpose::release);
  context_.received = [this, next = context.received](std::size_t length) {
    if (next) next(length);
    tell_progress();
  };
}

Progress AwsSource::progress() const {
  Progress progress = ledger_.progress();
  progress.budget = thrift_.use();
  return progress;
}

Result<Report> AwsSource::sync(std::stop_token stop) {
  if (const Status begun = ledger_.attempt_begins(); !begun) return fail(begun.error());
  return ledger_.attempt_ends(attempt(stop));
}

Result<Report> AwsSource::attempt(const std::stop_token& stop) {
  const std::uint64_t before = ledger_.progress().bytes_fetched;
  if (Status opened = jobs_.open(stop); !opened) return fail(opened.error());
  jobs_.forget_changes();
  if (Status sent = updates_.send_reports(stop); !sent) return fail(sent.error());
  Report report;
  Status first;
  for (const config::ThingSettings& thing : settings_.things) {
    for (int jobs = 0; jobs < most_jobs; ++jobs) {
      const Result<bool> ended = serve(thing, stop, report);
      if (!ended && first) first = fail(ended.error(), thing.thing);
      if (!jobs_.is_open() || stop.stop_requested()) break;
      if (Status sent = updates_.send_reports(stop); !sent) return fail(sent.error());
      if (!ended || !*ended) break;
    }
    if (!jobs_.is_open() || stop.stop_requested()) break;
  }
  report.bytes_fetched = ledger_.progress().bytes_fetched - before;
  if (!first) return fail(first.error());
  report.unchanged = report.releases_admitted == 0;
  return report;
}

Result<std::optional<formats::JobExecution>> AwsSource::ask_next(const std::string& thing,
                                                                 const std::stop_token& stop) {
  auto next = jobs_.next(thing, stop);
  if (!next) return fail(next.error());
  if (!*next) return fail(ErrorCode::unavailable, next->error().text);
  return std::move((*next)->execution);
}

Result<std::optional<storage::Job>> AwsSource::open_job(const std::string& thing) {
  const auto open = context_.store.jobs().open(settings_.name);
  if (!open) return fail(open.error());
  const auto found = std::find_if(open->begin(), open->end(),
                                  [&](const storage::Job& job) { return job.thing == thing; });
  if (found == open->end()) return std::optional<storage::Job>();
  return std::optional<storage::Job>(*found);
}

// Bytes that went bad on the medium are fetched again.
Result<bool> AwsSource::is_here(const storage::Job& job) {
  const auto all = context_.store.releases().all();
  if (!all) return fail(all.error());
  return std::any_of(all->begin(), all->end(), [&](const storage::HeldRelease& held) {
    return held.complete && held.release.product == job.product &&
           held.release.version == job.version;
  });
}

Status AwsSource::take_back(const storage::Job& job) {
  log::info("source " + settings_.name, "{}: AWS took it back", name_of(job));
  if (context_.assign) context_.assign(job, false);
  announced_.erase(job.thing);
  return context_.store.jobs().remove(job);
}

Status AwsSource::end(const storage::Job& job, JobStatus status, const std::string& why) {
  const bool good = status == JobStatus::succeeded;
  if (!good) ledger_.rejected(name_of(job), why);
  return context_.store.jobs().end(
      job, {status, good ? "held" : std::string(status == JobStatus::failed ? "download" : "check"),
            why, context_.clock.now()});
}

Result<bool> AwsSource::serve(const config::ThingSettings& thing, const std::stop_token& stop,
                              Report& report) {
  const auto next = ask_next(thing.thing, stop);
  if (!next) return fail(next.error());
  const auto open = open_job(thing.thing);
  if (!open) return fail(open.error());
  if (*open && (!*next || (*next)->job != (*open)->job)) {
    if (Status gone = take_back(**open); !gone) return fail(gone.error());
  }
  if (!*next) return false;
  const formats::JobExecution& execution = **next;
  const bool known = *open && (*open)->job == execution.job;
  const auto here = known && (*open)->held ? is_here(**open) : Result<bool>(false);
  if (!here) return fail(here.error());
  if (*here) {
    if (Status told = announce(**open, execution.version, stop); !told) return fail(told.error());
    return false;
  }
  storage::Job job{settings_.name, thing.thing, execution.job, thing.product,
                   thing.device,   "",          false};
  const auto document = formats::parse_job_document(execution.document);
  if (!document) {
    if (Status told = end(job, JobStatus::rejected, document.error().message); !told) {
      return fail(told.error());
    }
    return true;
  }
  job.version = document->version;
  return take_up(job, *document, execution, stop, report);
}

Result<bool> AwsSource::take_up(const storage::Job& job, const formats::JobDocument& document,
                                const formats::JobExecution& execution, const std::stop_token& stop,
                                Report& report) {
  if (Status kept = context_.store.jobs().put(job); !kept) return fail(kept.error());
  const auto open = open_job(job.thing);
  if (!open) return fail(open.error());
  if (!*open) return true;  // the device runs it already
  // Nothing is fetched for now, and nothing has to be told.
  auto why = thrift_.held(Purpose::release);
  const std::string before = context_.turns.first_before(settings_.priority);
  if (!why && !before.empty()) why = "waits: gives way to source " + before;
  if (why) {
    ledger_.waits(*why);
    return fail(ErrorCode::unavailable, *why);
  }
  const Turns::Turn turn = context_.turns.take(settings_.priority, settings_.name);
  running_ = Running{job, execution.version, {}, {}};
  abandoned_ = std::stop_source();
  const auto wanted = say("downloading", 0, stop);
  if (!wanted) return fail(wanted.error());
  if (!*wanted) {
    if (Status gone = take_back(job); !gone) return fail(gone.error());
    return false;
  }
  log::info("source " + settings_.name, "{}: {} {}", name_of(job), job.product, job.version);
  const Status fetched = fetch(document, stop);
  if (!fetched && !is_refusal(fetched.error().code) &&
      fetched.error().code != ErrorCode::not_found) {
    return fail(fetched.error());
  }
  const Status done =
      fetched ? hold(job, stop) : end(job, JobStatus::failed, fetched.error().message);
  if (!done) return fail(done.error());
  report.releases_admitted += fetched ? 1 : 0;
  return !fetched || job.device.empty();
}

Status AwsSource::fetch(const formats::JobDocument& document, const std::stop_token& stop) {
  const std::stop_callback chained(stop, [this] { abandoned_.request_stop(); });
  const storage::Job& job = running_.job;
  JobFetch fetching(context_, ledger_, client_, [&]() -> Result<formats::JobDocument> {
    const auto next = ask_next(job.thing, stop);
    if (!next) return fail(next.error());
    if (!*next || (*next)->job != job.job) {
      return fail(ErrorCode::cancelled, name_of(job) + ": AWS took it back");
    }
    return formats::parse_job_document((*next)->document);
  });
  const std::string channel = job.device.empty() ? settings_.channel : std::string(job_channel);
  return fetching.run(document, job.product, channel, running_.progress, abandoned_.get_token());
}

Status AwsSource::hold(const storage::Job& job, const std::stop_token& stop) {
  if (job.device.empty()) return end(job, JobStatus::succeeded, "");
  storage::Job held = job;
  held.held = true;
  if (Status kept = context_.store.jobs().put(held); !kept) return kept;
  return announce(held, running_.version, stop);
}

Status AwsSource::announce(const storage::Job& job, std::uint64_t version,
                           const std::stop_token& stop) {
  if (announced_.contains(job.thing)) return {};
  if (context_.assign) context_.assign(job, true);
  running_ = Running{job, version, {}, {}};
  const auto said = say("held", 100, stop);
  if (!said) return fail(said.error());
  announced_.insert(job.thing);
  return {};
}

Result<bool> AwsSource::say(const std::string& step, unsigned percent,
                            const std::stop_token& stop) {
  running_.told = context_.clock.steady();
  return updates_.say(running_.job.thing, running_.job.job, details_of(step, percent),
                      running_.version, stop);
}

// A piece of the job's files came in.
void AwsSource::tell_progress() {
  const auto now = context_.clock.steady();
  if (now - alive_ >= alive_interval) {
    alive_ = now;
    jobs_.keep_alive();
  }
  const JobFetch::Progress& progress = running_.progress;
  if (progress.size == 0 || now - running_.told < progress_interval || !jobs_.is_open()) return;
  const std::uint64_t done = progress.done + ledger_.progress().bytes_done;
  const auto percent = std::min<std::uint64_t>(99, done * 100 / progress.size);
  const auto wanted = say("downloading", static_cast<unsigned>(percent), abandoned_.get_token());
  if (wanted && !*wanted) abandoned_.request_stop();
}

}  // namespace ferry::source::aws
