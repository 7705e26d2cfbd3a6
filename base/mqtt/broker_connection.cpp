#include "base/mqtt/broker_connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/tcp.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.hpp"
#include "base/mqtt/flood_guard.hpp"
#include "base/secret.hpp"

namespace ferry::mqtt {
namespace {

constexpr int keepalive_seconds = 30;
// What the session sends without waiting for acknowledgements stays below it: nothing is kept back
// in libmosquitto's memory.
constexpr unsigned most_in_flight = 1000;
// Reads in one step: a broker that never falls silent must not keep the thread from its other work.
constexpr int most_reads = 100;

struct Destroy {
  void operator()(mosquitto* client) const { mosquitto_destroy(client); }
};

const char* path_or_null(const std::filesystem::path& path) {
  return path.empty() ? nullptr : path.c_str();
}

// A key with a passphrase would make OpenSSL ask on a terminal that nobody sits at.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return 0;
}

Status set_login(mosquitto* client, const Broker& settings) {
  if (settings.user.empty()) return {};
  std::string password = settings.password;
  if (password.empty() && !settings.password_file.empty()) {
    auto read = read_secret("password_file", settings.password_file);
    if (!read) return fail(read.error());
    password = std::move(*read);
  }
  const bool is_there = !settings.password.empty() || !settings.password_file.empty();
  const char* given = is_there ? password.c_str() : nullptr;
  if (mosquitto_username_pw_set(client, settings.user.c_str(), given) != MOSQ_ERR_SUCCESS) {
    return fail(ErrorCode::invalid, "user or password: not valid UTF-8");
  }
  return {};
}

Status set_will(mosquitto* client, const Identity& identity) {
  if (identity.will_topic.empty()) return {};
  const int set = mosquitto_will_set(client, identity.will_topic.c_str(),
                                     static_cast<int>(identity.will_payload.size()),
                                     identity.will_payload.data(), 1, true);
  if (set == MOSQ_ERR_SUCCESS) return {};
  return fail(ErrorCode::invalid, fmt::format("topic {}: {} (check prefix)", identity.will_topic,
                                              mosquitto_strerror(set)));
}

Status check_readable(const char* key, const std::filesystem::path& file) {
  if (file.empty()) return {};
  const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  return opened ? Status{} : Status(fail_errno(errno, fmt::format("{} {}", key, file.string())));
}

Status set_tls(mosquitto* client, const Broker& settings) {
  if (!settings.tls) return {};
  // libmosquitto says no more than "invalid" of a file that cannot be read.
  if (auto ca = check_readable("ca_file", settings.ca_file); !ca) return ca;
  if (auto own = check_readable("client_certificate", settings.client_certificate); !own)
    return own;
  if (auto key = check_readable("client_key", settings.client_key); !key) return key;
  if (settings.ca_file.empty()) mosquitto_int_option(client, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
  const int set = mosquitto_tls_set(
      client, path_or_null(settings.ca_file), settings.ca_file.empty() ? "/etc/ssl/certs" : nullptr,
      path_or_null(settings.client_certificate), path_or_null(settings.client_key), no_passphrase);
  if (set == MOSQ_ERR_SUCCESS) return {};
  return fail(ErrorCode::invalid, fmt::format("TLS: {}", mosquitto_strerror(set)));
}

}  // namespace

struct BrokerConnection::State {
  FloodGuard guard;  // outlives the client, whose TLS knows it
  std::unique_ptr<mosquitto, Destroy> client;
  std::string broker;
  bool accepted = false;
  int refusal = 0;        // of CONNACK
  std::string tls_error;  // OpenSSL's last words
  bool stuffed = false;   // the broker sends what was not asked for and is never done with
  std::vector<int> acknowledged;
  std::vector<Answered> answered;
  std::vector<Received> received;
  std::uint64_t lost = 0;
  std::size_t message_limit = 0;

  static State& of(void* user) { return *static_cast<State*>(user); }
  static void on_connect(mosquitto*, void* user, int code) {
    of(user).guard.heard();
    of(user).accepted = code == 0;
    of(user).refusal = code;
  }
  static void on_publish(mosquitto*, void* user, int number) {
    of(user).guard.heard();
    of(user).acknowledged.push_back(number);
  }
  static void on_subscribe(mosquitto*, void* user, int number, int count, const int* granted) {
    of(user).guard.heard();
    of(user).answered.push_back({number, count == 1 && granted[0] <= 2});
  }
  static void on_message(mosquitto*, void* user, const mosquitto_message* message) {
    of(user).take(*message);
  }
  // Its words are the only ones about packets for which there is no callback.
  static void on_log(mosquitto*, void* user, int level, const char* text) {
    if (std::strstr(text, " received PINGRESP") != nullptr) of(user).guard.heard();
    // Nothing here is subscribed with QoS 2, and libmosquitto keeps such messages without bound.
    if (std::strstr(text, " received PUBLISH (d0, q2") != nullptr) of(user).stuffed = true;
    if (std::strstr(text, " received PUBLISH (d1, q2") != nullptr) of(user).stuffed = true;
    if (level == MOSQ_LOG_ERR && std::strstr(text, "OpenSSL") != nullptr) of(user).tls_error = text;
  }
  void take(const mosquitto_message& message);
  std::size_t events() const { return acknowledged.size() + answered.size() + received.size(); }
  Failure describe(int code, int error_number) const;
};

void BrokerConnection::State::take(const mosquitto_message& message) {
  guard.heard();
  if (received.size() >= most_received) {
    ++lost;
    return;
  }
  Received& kept = received.emplace_back();
  kept.topic = message.topic;
  kept.retained = message.retain;
  const auto size = static_cast<std::size_t>(message.payloadlen);
  kept.too_large = size > message_limit;
  if (!kept.too_large && size > 0) kept.payload.assign(static_cast<char*>(message.payload), size);
}

// What went wrong, and what to look at.
Failure BrokerConnection::State::describe(int code, int error_number) const {
  if (const Status flood = guard.status(); !flood) return fail(flood.error(), broker);
  if (stuffed) {
    return fail(
        ErrorCode::invalid,
        broker + ": sends messages of QoS 2, for which nobody asked (is it the right one?)");
  }
  if (refusal == 4 || refusal == 5) {
    return fail(ErrorCode::denied, "refused: not authorised (check user and password_file)");
  }
  if (refusal != 0) {
    return fail(ErrorCode::denied, fmt::format("refused: {}", mosquitto_connack_string(refusal)));
  }
  if (tls_error.find("certificate verify failed") != std::string::npos) {
    return fail(
        ErrorCode::denied,
        fmt::format("refused: the certificate of {} is not trusted (check ca_file, the name "
                    "in broker, and the clock)",
                    broker));
  }
  if (!tls_error.empty()) {
    return fail(ErrorCode::unavailable, fmt::format("{}: TLS: {}", broker, tls_error));
  }
  if (code == MOSQ_ERR_ERRNO && error_number != 0) return fail_errno(error_number, broker);
  if (code == MOSQ_ERR_EAI) {
    return fail(ErrorCode::unavailable, broker + ": its name is not known (check DNS)");
  }
  return fail(ErrorCode::unavailable, fmt::format("{}: {}", broker, mosquitto_strerror(code)));
}

Result<BrokerConnection> BrokerConnection::open(const Broker& settings, const Identity& identity) {
  static const int initialised = mosquitto_lib_init();
  if (initialised != MOSQ_ERR_SUCCESS) return fail(ErrorCode::io, "libmosquitto does not start");
  auto state = std::make_unique<State>();
  state->broker = fmt::format("{}:{}", settings.host, settings.port);
  state->message_limit = settings.message_limit;
  state->client.reset(mosquitto_new(identity.client_id.c_str(), !identity.lasting, state.get()));
  mosquitto* client = state->client.get();
  if (client == nullptr) return fail_errno(errno, "libmosquitto");
  mosquitto_connect_callback_set(client, &State::on_connect);
  mosquitto_publish_callback_set(client, &State::on_publish);
  mosquitto_subscribe_callback_set(client, &State::on_subscribe);
  mosquitto_message_callback_set(client, &State::on_message);
  mosquitto_log_callback_set(client, &State::on_log);
  mosquitto_max_inflight_messages_set(client, most_in_flight);
  if (auto will = set_will(client, identity); !will) return fail(will.error());
  if (auto login = set_login(client, settings); !login) return fail(login.error());
  if (auto tls = set_tls(client, settings); !tls) return fail(tls.error());
  const int connected =
      mosquitto_connect(client, settings.host.c_str(), settings.port, keepalive_seconds);
  if (connected != MOSQ_ERR_SUCCESS) return state->describe(connected, errno);
  state->guard.watch(static_cast<ssl_st*>(mosquitto_ssl_get(client)), mosquitto_socket(client));
  return BrokerConnection(std::move(state));
}

BrokerConnection::BrokerConnection(std::unique_ptr<State> state) : state_(std::move(state)) {}
BrokerConnection::BrokerConnection(BrokerConnection&&) noexcept = default;
BrokerConnection& BrokerConnection::operator=(BrokerConnection&&) noexcept = default;
BrokerConnection::~BrokerConnection() = default;

int BrokerConnection::descriptor() const {
  return mosquitto_socket(state_->client.get());
}

bool BrokerConnection::wants_write() const {
  return mosquitto_want_write(state_->client.get());
}

Status BrokerConnection::step() {
  mosquitto* client = state_->client.get();
  int code = MOSQ_ERR_SUCCESS;
  std::size_t before = 0;
  int reads = 0;
  // TLS may hold messages that poll() does not see: read on as long as something comes.
  do {
    before = state_->events();
    code = mosquitto_loop_read(client, 1);
    if (!state_->guard.check()) code = MOSQ_ERR_PROTOCOL;
    if (state_->stuffed) code = MOSQ_ERR_PROTOCOL;
  } while (code == MOSQ_ERR_SUCCESS && state_->events() > before && ++reads < most_reads);
  if (code == MOSQ_ERR_SUCCESS && wants_write()) code = mosquitto_loop_write(client, 1);
  if (code == MOSQ_ERR_SUCCESS) code = mosquitto_loop_misc(client);
  const int error_number = errno;
  if (code == MOSQ_ERR_SUCCESS && state_->refusal == 0) return {};
  return state_->describe(code, error_number);
}

bool BrokerConnection::accepted() const {
  return state_->accepted;
}

Result<int> BrokerConnection::publish(const std::string& topic, const std::string& payload,
                                      bool retain) {
  int number = 0;
  const int code = mosquitto_publish(state_->client.get(), &number, topic.c_str(),
                                     static_cast<int>(payload.size()), payload.data(), 1, retain);
  if (code != MOSQ_ERR_SUCCESS) return state_->describe(code, errno);
  return number;
}

Result<int> BrokerConnection::subscribe(const std::string& topic) {
  int number = 0;
  const int code = mosquitto_subscribe(state_->client.get(), &number, topic.c_str(), 1);
  if (code != MOSQ_ERR_SUCCESS) return state_->describe(code, errno);
  return number;
}

std::vector<BrokerConnection::Answered> BrokerConnection::take_answered() {
  return std::exchange(state_->answered, {});
}

std::vector<Received> BrokerConnection::take_received() {
  return std::exchange(state_->received, {});
}

std::uint64_t BrokerConnection::take_lost() {
  return std::exchange(state_->lost, 0);
}

std::vector<int> BrokerConnection::take_acknowledged() {
  return std::exchange(state_->acknowledged, {});
}

void BrokerConnection::disconnect() {
  mosquitto_disconnect(state_->client.get());
}

namespace {

// It only costs time when the kernel refuses.
void set_cork(int socket, int on) {
  ::setsockopt(socket, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

}  // namespace

// libmosquitto would write a line for each message; it has nothing to say here that is listened to.
BrokerConnection::Bundle::Bundle(BrokerConnection& connection) : state_(*connection.state_) {
  mosquitto_log_callback_set(state_.client.get(), nullptr);
  set_cork(mosquitto_socket(state_.client.get()), 1);
}

BrokerConnection::Bundle::~Bundle() {
  set_cork(mosquitto_socket(state_.client.get()), 0);
  mosquitto_log_callback_set(state_.client.get(), &State::on_log);
}

bool wait_for(const BrokerConnection& connection, int wake, Duration longest) {
  const short wanted = connection.wants_write() ? POLLIN | POLLOUT : POLLIN;
  std::array<pollfd, 2> watched{pollfd{connection.descriptor(), wanted, 0},
                                pollfd{wake, POLLIN, 0}};
  const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(longest.count()));
  if ((watched[1].revents & POLLIN) == 0) return ready == 0;
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake, &count, sizeof count);
  return true;
}

}  // namespace ferry::mqtt
