// The monitor's thread: connects, and carries what there is.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <random>
#include <utility>

#include "agent/monitor/monitor_state.hpp"
#include "base/log.hpp"

namespace ferry::monitor {

using namespace std::chrono_literals;
// Between two looks at the outbox when nobody said that there is something.
constexpr auto look_interval = 5s;
// Between two rounds of a connection that is being talked over. To wake for each acknowledgement
// and each new message costs more than to send it, and it is devices that pay.
constexpr auto round_interval = 50ms;
// A connection that lasted so long shows that the broker is well: the next attempt comes soon.
constexpr auto proven_after = 10s;

namespace {

mqtt::Broker broker_of(const config::MonitorSettings& settings) {
  mqtt::Broker broker;
  broker.host = settings.host;
  broker.port = settings.port;
  broker.tls = settings.tls;
  broker.ca_file = settings.ca_file;
  broker.client_certificate = settings.client_certificate;
  broker.client_key = settings.client_key;
  broker.user = settings.user;
  broker.password_file = settings.password_file;
  return broker;
}

}  // namespace

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
                                                                mqtt::Broker().message_limit)));
    } else {
      options.on_command(std::move(message.payload));
    }
  }
}

// The outbox fills meanwhile, and people want to know how much.
void Monitor::State::wait(Duration longest) {
  const auto end = std::chrono::steady_clock::now() + longest;
  const auto wanted = [this] { return stopping || tests_asked > status.tests; };
  for (auto now = end - longest; now < end; now = std::chrono::steady_clock::now()) {
    {
      std::unique_lock lock(mutex);
      if (changed.wait_until(lock, std::min(end, now + look_interval), wanted)) return;
    }
    count_waiting();
  }
}

// What comes meanwhile is taken together.
void Monitor::State::rest(Steady end) {
  std::unique_lock lock(mutex);
  changed.wait_until(lock, end, [this] { return stopping || tests_asked > status.tests; });
}

Result<BrokerConnection> Monitor::State::connect() {
  mqtt::Identity identity;
  identity.client_id = "ferry-" + topic_part(options.gateway);
  identity.will_topic = root + "status";
  identity.will_payload = "offline";
  {
    const std::lock_guard lock(mutex);
    if (stopping) return fail(ErrorCode::cancelled, "stopping");
    connecting = true;
  }
  changed.notify_all();
  auto opened = BrokerConnection::open(broker_of(options.settings), identity);
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
  outgoing.send_all();
  set_status("connected", "");
  if (options.on_connected) options.on_connected();
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
  bool looks = true;      // there may be new events
  while (!is_stopping()) {
    const auto begun = std::chrono::steady_clock::now();
    if (auto advanced = session.advance(); !advanced) return advanced;
    note_session(session);
    count_ignored(connection.take_lost());
    if (session.take_struck() || looks) count_waiting();
    if (answering && session.settled()) {
      answering = false;
      end_test(std::chrono::ceil<Duration>(std::chrono::steady_clock::now() - probed));
    }
    if (session.is_talking() && !answering) rest(begun + round_interval);
    looks = wait_for(connection, wake.get(), longest_wait(session));
    if (looks) feed.refill();
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
  Duration longest = look_interval;
  const auto now = std::chrono::steady_clock::now();
  for (const auto& due : {outgoing.due(), session.due()}) {
    if (!due || *due == Steady{}) continue;
    longest = std::clamp(std::chrono::ceil<Duration>(*due - now), Duration(0), longest);
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

}  // namespace ferry::monitor
