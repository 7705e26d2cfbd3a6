#include "agent/monitor/monitor.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <random>
#include <utility>

#include "agent/monitor/session.hpp"
#include "agent/monitor/topics.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace ferry::monitor {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

// Between two looks at the outbox when nobody said that there is something.
constexpr auto look_interval = 5s;
// A connection that lasted so long shows that the broker is well: the next attempt comes soon.
constexpr auto proven_after = 10s;

// Shared by the caller's threads and the monitor's own, which may outlive the Monitor.
struct Monitor::State {
  State(const MonitorOptions& given, storage::Outbox& kept)
      : options(given),
        root(topic_root(given.settings.prefix, given.gateway)),
        outbox(kept),
        feed(kept),
        wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        latest_state(1),
        devices(given.most_devices) {}

  // On any thread.
  void rouse();

  // On the monitor's thread.
  void run();
  Result<BrokerConnection> connect();
  Status serve(BrokerConnection& connection);
  Status await_acceptance(BrokerConnection& connection);
  void wait(Duration longest);
  void count_waiting();
  void set_status(const std::string& state, const std::string& error);
  bool is_stopping();
  std::optional<Retained::Message> next_retained();

  const MonitorOptions options;
  const std::string root;
  // Neither is touched once `stopping` was seen.
  storage::Outbox& outbox;
  EventFeed feed;
  const Descriptor wake;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  Retained latest_state;
  Retained devices;
  MonitorStatus status;
  bool stopping = false;
  bool connecting = false;  // inside the operating system, which cannot be told to stop
  bool ended = false;
};

void Monitor::State::rouse() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = ::write(wake.get(), &one, sizeof one);
}

bool Monitor::State::is_stopping() {
  const std::lock_guard lock(mutex);
  return stopping;
}

void Monitor::State::set_status(const std::string& state, const std::string& error) {
  const std::lock_guard lock(mutex);
  if (status.state == state && status.error == error) return;
  if (state == "connected") log::info("monitor", "connected to {}", status.broker);
  if (!error.empty() && status.error != error) log::warning("monitor", "{}", error);
  status.state = state;
  status.error = error;
}

void Monitor::State::count_waiting() {
  const auto size = outbox.size();
  if (!size) return;
  const std::lock_guard lock(mutex);
  status.waiting = *size;
}

std::optional<Retained::Message> Monitor::State::next_retained() {
  const std::lock_guard lock(mutex);
  auto message = latest_state.next();
  return message ? std::move(message) : devices.next();
}

void Monitor::State::wait(Duration longest) {
  std::unique_lock lock(mutex);
  changed.wait_for(lock, longest, [this] { return stopping; });
}

Result<BrokerConnection> Monitor::State::connect() {
  Identity identity;
  identity.client_id = "ferry-" + topic_part(options.gateway);
  identity.will_topic = root + "status";
  identity.will_payload = "offline";
  {
    const std::lock_guard lock(mutex);
    if (stopping) return fail(ErrorCode::cancelled, "stopping");
    connecting = true;
  }
  changed.notify_all();
  auto opened = BrokerConnection::open(options.settings, identity);
  const std::lock_guard lock(mutex);
  connecting = false;
  if (stopping) return fail(ErrorCode::cancelled, "stopping");
  return opened;
}

Status Monitor::State::await_acceptance(BrokerConnection& connection) {
  const auto begun = Steady::now();
  while (!connection.accepted()) {
    if (is_stopping()) return fail(ErrorCode::cancelled, "stopping");
    if (Steady::now() - begun > options.accept_deadline) {
      return fail(ErrorCode::timed_out,
                  options.settings.host + ": does not answer (is this an MQTT broker?)");
    }
    wait_for(connection, wake.get(), 1s);
    if (auto stepped = connection.step(); !stepped) return stepped;
  }
  return {};
}

// Until the connection ends, which is the error returned.
Status Monitor::State::serve(BrokerConnection& connection) {
  if (auto accepted = await_acceptance(connection); !accepted) return accepted;
  set_status("connected", "");
  {
    const std::lock_guard lock(mutex);
    latest_state.send_all();
    devices.send_all();
  }
  Session session(connection, outbox, feed, root, [this] { return next_retained(); });
  if (auto begun = session.begin(); !begun) return begun;
  while (!is_stopping()) {
    if (auto advanced = session.advance(); !advanced) return advanced;
    count_waiting();
    if (wait_for(connection, wake.get(), look_interval)) feed.refill();
    if (auto stepped = connection.step(); !stepped) return stepped;
  }
  session.end();
  return fail(ErrorCode::cancelled, "stopping");
}

void Monitor::State::run() {
  std::minstd_rand random(std::random_device{}());
  Duration backoff = options.first_backoff;
  while (!is_stopping()) {
    count_waiting();
    const auto begun = Steady::now();
    Error error;
    if (auto connection = connect(); !connection) {
      error = connection.error();
    } else if (const auto served = serve(*connection); !served) {
      error = served.error();
    }
    if (error.code == ErrorCode::cancelled) return;
    const bool needs_a_hand = error.code == ErrorCode::denied || error.code == ErrorCode::invalid;
    set_status(needs_a_hand ? "refused" : "connecting", error.message);
    if (Steady::now() - begun > proven_after) backoff = options.first_backoff;
    // A fleet that lost its broker must not come back in one moment.
    std::uniform_int_distribution<Duration::rep> jitter(backoff.count() / 2, backoff.count());
    wait(Duration(jitter(random)));
    backoff = std::min(backoff * 2, options.last_backoff);
  }
}

Monitor::Monitor(const MonitorOptions& options, storage::Outbox& outbox)
    : state_(std::make_shared<State>(options, outbox)) {
  if (!options.settings.enabled) return;
  state_->status.state = "connecting";
  state_->status.broker = fmt::format("{}:{}", options.settings.host, options.settings.port);
  // Signals are the agent's, and OpenSSL's writes to a closed socket must not end it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([state = state_] {
    state->run();
    {
      const std::lock_guard lock(state->mutex);
      state->ended = true;
    }
    state->changed.notify_all();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Monitor::~Monitor() {
  if (!thread_.joinable()) return;
  bool ended = false;
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->rouse();
    state_->changed.notify_all();
    state_->changed.wait(lock, [this] { return state_->ended || state_->connecting; });
    ended = state_->ended;
  }
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void Monitor::publish_state(const formats::Json& state) {
  if (!thread_.joinable()) return;
  std::string payload = formats::to_text(state);
  {
    const std::lock_guard lock(state_->mutex);
    state_->latest_state.set(state_->root + "state", std::move(payload));
  }
  state_->rouse();
}

void Monitor::publish_device(const std::string& id, const formats::Json& device) {
  if (!thread_.joinable()) return;
  std::string payload = device.is_null() ? "" : formats::to_text(device);
  {
    const std::lock_guard lock(state_->mutex);
    state_->devices.set(state_->root + "device/" + topic_part(id), std::move(payload));
  }
  state_->rouse();
}

void Monitor::events_added() {
  if (thread_.joinable()) state_->rouse();
}

MonitorStatus Monitor::status() const {
  const std::lock_guard lock(state_->mutex);
  return state_->status;
}

}  // namespace ferry::monitor
