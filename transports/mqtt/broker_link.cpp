#include "transports/mqtt/broker_link.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace ferry::things {
namespace {

using std::chrono::steady_clock;

// The broker stands on the same machine, or close by: trying is cheap, and whatever devices ask in
// between may be lost.
constexpr Duration first_pause = std::chrono::milliseconds(250);
constexpr Duration longest_pause = std::chrono::seconds(4);
// A connection that lasted so long shows that the broker is well: the next attempt comes soon.
constexpr auto proven_after = std::chrono::seconds(10);
constexpr auto accept_deadline = std::chrono::seconds(30);  // for the broker's first words
constexpr auto tick_time = std::chrono::seconds(1);

}  // namespace

BrokerLink::BrokerLink(loop::Loop& loop, mqtt::Broker broker, std::string client_id,
                       std::vector<std::string> filters, LinkEvents events)
    : loop_(loop),
      broker_(std::move(broker)),
      client_id_(std::move(client_id)),
      filters_(std::move(filters)),
      events_(std::move(events)),
      watch_(loop, *this),
      ticker_(loop, [this] { tick(); }),
      again_(loop, [this] { connect(); }),
      pause_(first_pause) {}

void BrokerLink::start() {
  ticker_.set(steady_clock::now() + tick_time);
  connect();
}

void BrokerLink::stop() {
  if (connection_) connection_->disconnect();
}

// On a thread of its own, since the operating system may hold it for minutes.
void BrokerLink::connect() {
  mqtt::Identity identity;
  identity.client_id = client_id_;
  // Devices ask once when they start, which may be before the gateway is there.
  identity.lasting = true;
  std::thread([this, broker = broker_, identity = std::move(identity)] {
    auto opened_now = std::make_shared<Result<mqtt::BrokerConnection>>(
        mqtt::BrokerConnection::open(broker, identity));
    loop_.post([this, opened_now] { opened(std::move(*opened_now)); });
  }).detach();
}

void BrokerLink::opened(Result<mqtt::BrokerConnection> connection) {
  since_ = steady_clock::now();
  if (!connection) return lost(connection.error());
  const int descriptor = ::fcntl(connection->descriptor(), F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0 || !watch_.open(descriptor)) {
    return lost({ErrorCode::io, "too many descriptors are open"});
  }
  connection_.emplace(std::move(*connection));
  subscribed_ = false;
  unacknowledged_.clear();
  unacknowledged_bytes_ = 0;
  subscriptions_.clear();
  step();
}

void BrokerLink::step() {
  if (!connection_) return;
  if (const Status gone = advance(); !gone) return lost(gone.error());
  watch();
}

Status BrokerLink::advance() {
  if (Status stepped = connection_->step(); !stepped) return stepped;
  if (!connection_->accepted()) return {};
  if (!subscribed_) {
    if (Status asked = subscribe(); !asked) return asked;
  }
  if (Status answered = take_answers(); !answered) return answered;
  for (const int number : connection_->take_acknowledged()) {
    const auto acknowledged = unacknowledged_.extract(number);
    if (!acknowledged.empty()) unacknowledged_bytes_ -= acknowledged.mapped();
  }
  for (mqtt::Received& message : connection_->take_received()) events_.received(std::move(message));
  if (const auto missed = connection_->take_lost(); missed > 0) events_.lost(missed);
  return {};
}

Status BrokerLink::subscribe() {
  subscribed_ = true;
  for (const std::string& filter : filters_) {
    const auto number = connection_->subscribe(filter);
    if (!number) return fail(number.error());
    subscriptions_.push_back(*number);
  }
  return {};
}

Status BrokerLink::take_answers() {
  for (const auto& answer : connection_->take_answered()) {
    std::erase(subscriptions_, answer.number);
    if (answer.granted) continue;
    return fail(ErrorCode::denied,
                "refused: the subscription to $aws/things/+/… (check the broker's access list)");
  }
  if (subscriptions_.empty() && !ready_) {
    ready_ = true;
    events_.connected();
  }
  return {};
}

void BrokerLink::watch() {
  if (!connection_) return;
  watch_.wait_readable();
  if (connection_->wants_write()) watch_.wait_writable();
}

bool BrokerLink::publish(const std::string& topic, const std::string& payload) {
  if (!ready_ || !connection_ || unacknowledged_.size() >= most_unacknowledged ||
      unacknowledged_bytes_ + payload.size() > most_unacknowledged_bytes) {
    return false;
  }
  const auto number = connection_->publish(topic, payload, false);
  if (!number) return false;  // step() will tell why
  unacknowledged_[*number] = payload.size();
  unacknowledged_bytes_ += payload.size();
  if (connection_->wants_write()) watch_.wait_writable();
  return true;
}

void BrokerLink::lost(const Error& why) {
  if (steady_clock::now() - since_ > proven_after) pause_ = first_pause;
  connection_.reset();
  ready_ = false;
  events_.unconnected(why);
  waits_ = true;
  if (watch_.descriptor() < 0) return released();
  watch_.close();
}

void BrokerLink::released() {
  if (!std::exchange(waits_, false)) return;
  again_.set(steady_clock::now() + pause_);
  pause_ = std::min(pause_ * 2, longest_pause);
}

void BrokerLink::tick() {
  ticker_.set(steady_clock::now() + tick_time);
  if (!connection_) return;
  if (!ready_ && steady_clock::now() - since_ > accept_deadline) {
    return lost({ErrorCode::timed_out, broker_.host + ": does not answer (is it an MQTT broker?)"});
  }
  step();
}

}  // namespace ferry::things
