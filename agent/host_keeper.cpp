#include "agent/host_keeper.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <limits>

#include "base/log.hpp"

namespace ferry::agent {
namespace {

namespace messages = formats::link;
using boost::asio::posix::stream_descriptor;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int abi = 1;
constexpr milliseconds stop_time = std::chrono::seconds(2);
constexpr milliseconds time_to_exit = std::chrono::seconds(1);  // after it closed its link
constexpr int most_messages_at_once = 64;                       // then others have their turn
constexpr int most_messages_in_window = 1000;
constexpr milliseconds window{100};
constexpr int most_open_questions = 4096;
constexpr int most_last_words = 4096;  // of a host that has ended

// How often lines that are not there are looked for.
constexpr milliseconds port_interval{500};

link::Limits link_limits() {
  link::Limits limits;
  limits.incoming_bytes = messages::from_host_bytes;
  limits.descriptors = false;
  return limits;
}

}  // namespace

struct HostRun {
  HostRun(boost::asio::io_context& loop, HostProcess process)
      : pid(process.pid),
        exit(std::move(process.exit)),
        link(std::move(process.link), link_limits()),
        link_watch(loop, link.socket()),
        exit_watch(loop, exit.get()),
        tick_timer(loop),
        port_timer(loop),
        throttle_timer(loop),
        kill_timer(loop) {}
  ~HostRun() {
    // The descriptors belong to `link` and `exit`.
    link_watch.release();
    exit_watch.release();
  }

  pid_t pid;
  Descriptor exit;
  link::Link link;
  stream_descriptor link_watch;
  stream_descriptor exit_watch;
  boost::asio::steady_timer tick_timer;
  boost::asio::steady_timer port_timer;
  boost::asio::steady_timer throttle_timer;
  boost::asio::steady_timer kill_timer;
  steady_clock::time_point started = steady_clock::now();
  std::optional<steady_clock::time_point> ping_sent;  // and not answered
  steady_clock::time_point window_start{};
  int messages_in_window = 0;
  int open_questions = 0;
  bool greeted = false;
  bool write_watched = false;
  bool change_waits = false;  // to be told once the queue is empty
  bool ended = false;         // the link is at its end, or of no use any more
  std::string kill_reason;    // set once it was killed
};

HostKeeper::HostKeeper(boost::asio::io_context& loop, const SupervisorOptions& options,
                       std::string plugin, messages::Settings settings, HostRequests& requests,
                       std::function<void()> changed)
    : loop_(loop),
      options_(options),
      settings_(std::move(settings)),
      component_("transport." + settings_.transport),
      requests_(requests),
      changed_(std::move(changed)),
      ports_(ports_of(plugin, settings_.values), component_),
      restart_timer_(loop),
      backoff_(options.first_backoff, options.last_backoff) {
  status_.name = settings_.transport;
  status_.plugin = std::move(plugin);
  status_.state = "stopped";
}

HostKeeper::~HostKeeper() {
  if (!run_) return;
  ::kill(run_->pid, SIGKILL);
  ::waitpid(run_->pid, nullptr, 0);
}

void HostKeeper::start() {
  const HostProgram program{options_.host_program, options_.plugin_folder, options_.packs_folder};
  Result<HostProcess> process = start_host(program, status_.plugin);
  if (!process) {
    set_state("failed", process.error().message);
    return restart_later(process.error().message);
  }
  status_.pid = process->pid;
  run_ = std::make_shared<HostRun>(loop_, std::move(*process));
  set_state("starting", "");
  watch_exit();
  watch_link();
  send(settings_);
  tick();
}

void HostKeeper::set_state(const std::string& state, const std::string& detail) {
  if (status_.state == state && status_.detail == detail) return;
  status_.state = state;
  status_.detail = detail;
  changed_();
}

void HostKeeper::send(const messages::FromAgent& message, std::vector<Descriptor> descriptors) {
  if (!run_ || run_->ended) return;
  const Status sent = run_->link.send(messages::write(message), std::move(descriptors));
  // A host that has closed its link is seen by receive(), which takes its last words first.
  if (!sent && sent.error().code != ErrorCode::cancelled) return kill(sent.error().message);
  watch_writable();
}

void HostKeeper::catalog_changed() {
  if (!run_) return;
  run_->change_waits = run_->link.sending();
  if (!run_->change_waits) send(messages::Changed{});
}

// What happens later counts only while the same run of the host goes on.
template <typename Function>
auto HostKeeper::in_this_run(Function function) {
  return [self = weak_from_this(), run = std::weak_ptr(run_),
          function = std::move(function)](boost::system::error_code error) {
    const auto keeper = self.lock();
    if (!error && keeper && keeper->run_ && keeper->run_ == run.lock()) function(*keeper);
  };
}

void HostKeeper::watch_writable() {
  if (!run_->link.sending() || run_->write_watched || run_->ended) return;
  run_->write_watched = true;
  run_->link_watch.async_wait(stream_descriptor::wait_write, in_this_run([](HostKeeper& keeper) {
                                HostRun& run = *keeper.run_;
                                run.write_watched = false;
                                const Status sent = run.link.flush();
                                if (!sent && sent.error().code != ErrorCode::cancelled) {
                                  return keeper.kill(sent.error().message);
                                }
                                if (!sent) return;
                                if (run.change_waits && !run.link.sending())
                                  keeper.catalog_changed();
                                keeper.watch_writable();
                              }));
}

void HostKeeper::watch_link() {
  run_->link_watch.async_wait(stream_descriptor::wait_read,
                              in_this_run([](HostKeeper& keeper) { keeper.on_readable(); }));
}

void HostKeeper::watch_exit() {
  run_->exit_watch.async_wait(stream_descriptor::wait_read,
                              in_this_run([](HostKeeper& keeper) { keeper.on_exit(); }));
}

// A host that sends more than it may is read later, so that it waits and nobody else does.
void HostKeeper::on_readable() {
  if (!receive(most_messages_at_once)) return;
  const auto now = steady_clock::now();
  if (now - run_->window_start >= window) {
    run_->window_start = now;
    run_->messages_in_window = 0;
  }
  if (run_->messages_in_window < most_messages_in_window) return watch_link();
  run_->throttle_timer.expires_at(run_->window_start + window);
  run_->throttle_timer.async_wait(in_this_run([](HostKeeper& keeper) { keeper.watch_link(); }));
}

bool HostKeeper::receive(int most) {
  const std::shared_ptr<HostRun> run = run_;
  for (int i = 0; i < most && !run->ended; ++i) {
    Result<std::optional<link::Received>> received = run->link.receive();
    if (!received) {
      run->ended = true;
      if (received.error().code == ErrorCode::cancelled) {
        kill_later(time_to_exit, "it closed its link");
      } else {
        kill(received.error().message);
      }
      return false;
    }
    if (!*received) return true;
    ++run->messages_in_window;
    const Result<messages::FromHost> message = messages::parse_from_host((*received)->text);
    if (message) {
      handle(*message);
    } else {
      kill(message.error().message);
    }
  }
  return !run->ended;
}

// Asks whether the plugin's loop still turns. Whatever was received counts before anybody is
// judged: it may be the agent that was late.
void HostKeeper::tick() {
  const std::shared_ptr<HostRun> run = run_;
  if (run->ping_sent && steady_clock::now() - *run->ping_sent >= options_.answer_deadline) {
    if (!receive(most_last_words)) return;
    if (run->ping_sent) {
      return kill(fmt::format("it did not answer for {} ms", options_.answer_deadline.count()));
    }
  }
  if (!run->ping_sent) {
    run->ping_sent = steady_clock::now();
    send(messages::Ping{});
  }
  if (!run->ended) plan_tick();
}

void HostKeeper::plan_tick() {
  run_->tick_timer.expires_after(std::min(options_.ping_interval, options_.answer_deadline));
  run_->tick_timer.async_wait(in_this_run([](HostKeeper& keeper) {
    if (!keeper.run_->ended) keeper.tick();
  }));
}

void HostKeeper::hand_over_ports() {
  for (OpenPort& port : ports_.open_new()) {
    std::vector<Descriptor> descriptors;
    descriptors.push_back(std::move(port.descriptor));
    send(messages::Port{std::move(port.name)}, std::move(descriptors));
  }
  if (!run_ || run_->ended) return;
  run_->port_timer.expires_after(port_interval);
  run_->port_timer.async_wait(in_this_run([](HostKeeper& keeper) { keeper.hand_over_ports(); }));
}

void HostKeeper::kill(std::string reason) {
  if (!run_->kill_reason.empty()) return;
  run_->kill_reason = std::move(reason);
  run_->ended = true;
  ::kill(run_->pid, SIGKILL);
}

void HostKeeper::kill_later(milliseconds grace, const std::string& reason) {
  run_->kill_timer.expires_after(grace);
  run_->kill_timer.async_wait(in_this_run([reason](HostKeeper& keeper) { keeper.kill(reason); }));
}

void HostKeeper::on_exit() {
  if (!run_->ended) receive(most_last_words);
  int wait_status = 0;
  ::waitpid(run_->pid, &wait_status, 0);
  const std::string end = describe_exit(wait_status);
  const std::string reason =
      run_->kill_reason.empty() ? end : fmt::format("killed: {}", run_->kill_reason);
  backoff_.ran_for(std::chrono::duration_cast<Duration>(steady_clock::now() - run_->started));
  run_.reset();
  ports_.all_closed();
  requests_.gone(status_.name);
  status_.pid = 0;
  if (stopping_) return finish_stop();
  restart_later(reason);
}

void HostKeeper::restart_later(const std::string& reason) {
  const Duration pause = backoff_.next();
  log::warning(component_, "host ended ({}); next start in {} ms", reason, pause.count());
  ++status_.restarts;
  // What the plugin said of its failure tells people more than how its process ended.
  if (status_.state != "failed") set_state("restarting", reason);
  restart_timer_.expires_after(pause);
  restart_timer_.async_wait([self = weak_from_this()](boost::system::error_code error) {
    const auto keeper = self.lock();
    if (!error && keeper && !keeper->stopping_) keeper->start();
  });
}

void HostKeeper::stop(std::function<void()> stopped) {
  stopping_ = true;
  stopped_ = std::move(stopped);
  restart_timer_.cancel();
  if (!run_) return finish_stop();
  send(messages::Stop{});
  kill_later(stop_time, "it did not stop");
}

void HostKeeper::finish_stop() {
  set_state("stopped", "");
  if (const auto stopped = std::exchange(stopped_, nullptr)) stopped();
}

void HostKeeper::handle(const messages::FromHost& message) {
  if (!run_->greeted && !std::holds_alternative<messages::Hello>(message)) {
    return kill("it did not begin with hello");
  }
  std::visit([this](const auto& content) { on(content); }, message);
}

template <typename Reply, typename... Descriptors>
std::function<void(Reply, Descriptors...)> HostKeeper::answer(std::uint64_t id) {
  if (++run_->open_questions > most_open_questions) kill("it asks more than can be answered");
  return [self = weak_from_this(), run = std::weak_ptr(run_), id](Reply reply,
                                                                  Descriptors... descriptors) {
    const auto keeper = self.lock();
    const auto current = run.lock();
    if (!keeper || !current || keeper->run_ != current) return;
    --current->open_questions;
    reply.id = id;
    keeper->send(std::move(reply), std::move(descriptors)...);
  };
}

void HostKeeper::on(const messages::Hello& message) {
  if (run_->greeted || message.abi != abi) {
    return kill(
        fmt::format("its hello is not one of ABI {}; are ferryd and ferry-transport of the "
                    "same version?",
                    abi));
  }
  run_->greeted = true;
  if (ports_.any()) hand_over_ports();
}

void HostKeeper::on(const messages::LinkState& message) {
  if (status_.state != message.state || status_.detail != message.detail) {
    log::info(component_, "{} {}", message.state, message.detail);
  }
  set_state(message.state, message.detail);
}

void HostKeeper::on(const messages::Seen& message) {
  requests_.seen(status_.name, message);
}

void HostKeeper::on(const messages::AskOffer& message) {
  requests_.offer(status_.name, message, answer<messages::OfferReply>(message.id));
}

void HostKeeper::on(const messages::AskArtifact& message) {
  requests_.find(status_.name, message, answer<messages::ArtifactReply>(message.id));
}

void HostKeeper::on(const messages::Progress& message) {
  requests_.progress(status_.name, message);
}

void HostKeeper::on(const messages::Outcome& message) {
  requests_.outcome(status_.name, message, answer<messages::OutcomeReply>(message.id));
}

void HostKeeper::on(const messages::Corrupt& message) {
  log::error(component_, "{}", message.detail);
  requests_.corrupt(status_.name, message);
}

void HostKeeper::on(const messages::AskStep& message) {
  requests_.next(status_.name, message, answer<messages::StepReply>(message.id));
}

void HostKeeper::on(const messages::PortClosed& message) {
  ports_.closed(message.name);
}

// Each message tells what is new, so a host that was started again takes nothing back.
void HostKeeper::on(const messages::Counted& message) {
  const auto add = [](std::uint64_t& sum, std::uint64_t more) {
    sum += std::min(more, std::numeric_limits<std::uint64_t>::max() - sum);
  };
  add(status_.requests, message.requests);
  add(status_.refusals, message.refusals);
  add(status_.bytes, message.bytes);
}

void HostKeeper::on(const messages::AskMirror& message) {
  requests_.mirror(status_.name, message,
                   answer<messages::MirrorReply, std::vector<Descriptor>>(message.id));
}

void HostKeeper::on(const messages::Pong&) {
  run_->ping_sent.reset();
}

}  // namespace ferry::agent
