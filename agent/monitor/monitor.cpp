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

#include "agent/monitor/outgoing.hpp"
#include "agent/monitor/session.hpp"
#include "agent/monitor/topics.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace ferry::monitor {

using namespace std::chrono_literals;
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
        outgoing(given.most_devices) {
    const bool listens = given.settings.enabled && given.settings.commands && given.on_command;
    status.commands = listens ? "waiting" : "off";
  }

  // On any thread.
  void rouse();

  // On the monitor's thread.
  void run();
  Result<BrokerConnection> connect();
  Status serve(BrokerConnection& connection);
  Status talk_on(Session& session, BrokerConnection& connection);
  void note_session(const Session& session);
  void received(std::vector<Received> messages);
  void count_ignored(std::uint64_t messages);
  Duration longest_wait(const Session& session) const;
  Status await_acceptance(BrokerConnection& connection);
  void wait(Duration longest);
  void count_waiting();
  void set_status(const std::string& state, const std::string& error);
  bool is_stopping();
  bool test_wanted();
  void end_test(std::optional<Duration> answer_time);

  const MonitorOptions options;
  const std::string root;
  // Neither is touched once `stopping` was seen.
  storage::Outbox& outbox;
  EventFeed feed;
  const Descriptor wake;
  Outgoing outgoing;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  MonitorStatus status;
  std::uint64_t tests_asked = 0;
  std::size_t commands_open = 0;  // given to on_command, and not replied to
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
  if (state != "connected" && status.commands != "off") status.commands = "waiting";
}

void Monitor::State::count_waiting() {
  const auto size = outbox.size();
  if (!size) return;
  const std::lock_guard lock(mutex);
  status.waiting = *size;
}

bool Monitor::State::test_wanted() {
  const std::lock_guard lock(mutex);
  return tests_asked > status.tests;
}

void Monitor::State::end_test(std::optional<Duration> answer_time) {
  const std::lock_guard lock(mutex);
  if (answer_time) status.answer_time = *answer_time;
  status.tests = tests_asked;
}

void Monitor::State::count_ignored(std::uint64_t messages) {
  const std::lock_guard lock(mutex);
  status.commands_ignored += messages;
}

// A retained command would be obeyed again at every connection.
void Monitor::State::received(std::vector<Received> messages) {
  for (Received& message : messages) {
    bool taken = message.topic == root + "command" && !message.retained;
    if (taken) {
      const std::lock_guard lock(mutex);
      taken = commands_open < options.most_commands;
      commands_open += taken ? 1 : 0;
      status.commands_taken += taken ? 1 : 0;
    }
    if (!taken) {
      count_ignored(1);
    } else if (message.too_large) {
      options.on_command(fail(ErrorCode::too_large, fmt::format("command: longer than {} bytes",
                                                                BrokerConnection::message_limit)));
    } else {
      options.on_command(std::move(message.payload));
    }
  }
}

void Monitor::State::wait(Duration longest) {
  std::unique_lock lock(mutex);
  changed.wait_for(lock, longest, [this] { return stopping || tests_asked > status.tests; });
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
  const auto begun = std::chrono::steady_clock::now();
  while (!connection.accepted()) {
    if (is_stopping()) return fail(ErrorCode::cancelled, "stopping");
    if (std::chrono::steady_clock::now() - begun > options.accept_deadline) {
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
  outgoing.send_all();
  SessionTalk talk;
  talk.root = root;
  talk.commands = options.settings.commands && options.on_command;
  talk.next_message = [this] { return outgoing.next(std::chrono::steady_clock::now()); };
  talk.received = [this](std::vector<Received> messages) { received(std::move(messages)); };
  Session session(connection, outbox, feed, std::move(talk));
  {
    const std::lock_guard lock(mutex);
    ++status.connections;
  }
  if (auto begun = session.begin(); !begun) return begun;
  return talk_on(session, connection);
}

Status Monitor::State::talk_on(Session& session, BrokerConnection& connection) {
  auto probed = std::chrono::steady_clock::now();
  bool answering = true;  // the broker has something to answer
  while (!is_stopping()) {
    if (auto advanced = session.advance(); !advanced) return advanced;
    note_session(session);
    count_ignored(connection.take_lost());
    count_waiting();
    if (answering && session.settled()) {
      answering = false;
      end_test(std::chrono::ceil<Duration>(std::chrono::steady_clock::now() - probed));
    }
    if (wait_for(connection, wake.get(), longest_wait(session))) feed.refill();
    if (!answering && test_wanted()) {
      probed = std::chrono::steady_clock::now();
      answering = true;
      if (auto asked = session.probe(); !asked) return asked;
    }
    if (auto stepped = connection.step(); !stepped) return stepped;
  }
  session.end();
  return fail(ErrorCode::cancelled, "stopping");
}

void Monitor::State::note_session(const Session& session) {
  using Listening = Session::Listening;
  if (session.listening() == Listening::off || session.listening() == Listening::asked) return;
  const char* now = session.listening() == Listening::granted ? "listening" : "refused";
  const std::lock_guard lock(mutex);
  if (status.commands == now) return;
  status.commands = now;
  if (session.listening() == Listening::refused) {
    log::warning("monitor", "the broker refuses the subscription to {}command: no command is heard",
                 root);
  }
}

// Until the next message may go, when nothing else happens.
Duration Monitor::State::longest_wait(const Session& session) const {
  Duration longest = session.unfinished() ? 500ms : Duration(look_interval);
  if (const auto due = outgoing.due(); due && *due != Steady{}) {
    const auto in = *due - std::chrono::steady_clock::now();
    longest = std::clamp(std::chrono::ceil<Duration>(in), Duration(0), longest);
  }
  return longest;
}

void Monitor::State::run() {
  std::minstd_rand random(std::random_device{}());
  Duration backoff = options.first_backoff;
  while (!is_stopping()) {
    count_waiting();
    const auto begun = std::chrono::steady_clock::now();
    Error error;
    if (auto connection = connect(); !connection) {
      error = connection.error();
    } else if (const auto served = serve(*connection); !served) {
      error = served.error();
    }
    if (error.code == ErrorCode::cancelled) return;
    const bool needs_a_hand = error.code == ErrorCode::denied || error.code == ErrorCode::invalid;
    set_status(needs_a_hand ? "refused" : "connecting", error.message);
    end_test(std::nullopt);
    if (std::chrono::steady_clock::now() - begun > proven_after) backoff = options.first_backoff;
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
  state_->outgoing.set_state(state_->root + "state", formats::to_text(state));
  state_->rouse();
}

void Monitor::publish_device(const std::string& product, const std::string& id,
                             const formats::Json& device) {
  if (!thread_.joinable()) return;
  std::string payload = device.is_null() ? "" : formats::to_text(device);
  state_->outgoing.set_device(state_->root + device_topic(product, id), std::move(payload));
  state_->rouse();
}

void Monitor::publish_transfer(std::uint64_t id, const formats::Json& transfer, bool over) {
  if (!thread_.joinable()) return;
  state_->outgoing.set_transfer(fmt::format("{}transfer/{}", state_->root, id),
                                formats::to_text(transfer), over);
  state_->rouse();
}

bool Monitor::tells_transfer(std::uint64_t id) const {
  return state_->outgoing.tells_transfer(fmt::format("{}transfer/{}", state_->root, id));
}

void Monitor::reply(const formats::Json& reply) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->commands_open > 0) --state_->commands_open;
  }
  state_->outgoing.add_reply(state_->root + "command/reply", formats::to_text(reply));
  state_->rouse();
}

std::uint64_t Monitor::test() {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(state_->mutex);
    number = state_->tests_asked += thread_.joinable() ? 1 : 0;
  }
  state_->rouse();
  state_->changed.notify_all();
  return number;
}

void Monitor::events_added() {
  if (thread_.joinable()) state_->rouse();
}

MonitorStatus Monitor::status() const {
  const std::lock_guard lock(state_->mutex);
  return state_->status;
}

}  // namespace ferry::monitor
