#include "agent/monitor/session.hpp"

#include <algorithm>
#include <utility>

#include "agent/monitor/topics.hpp"
#include "base/log.hpp"

namespace ferry::monitor {

using namespace std::chrono_literals;

// Acknowledged events wait so long, or until so many came together, before they are struck out of
// the outbox: each time costs the medium a flush, and keeps others from the store meanwhile.
constexpr auto strike_interval = 500ms;
constexpr std::size_t strike_together = 2000;

Session::Session(BrokerConnection& connection, storage::Outbox& outbox, EventFeed& feed,
                 SessionTalk talk)
    : connection_(connection), outbox_(outbox), feed_(feed), talk_(std::move(talk)) {}

Status Session::begin() {
  feed_.rewind();
  struck_ = std::chrono::steady_clock::now();
  if (auto said = probe(); !said) return said;
  if (!talk_.commands) return {};
  const auto number = connection_.subscribe(talk_.root + "command");
  if (!number) return fail(number.error());
  subscription_ = *number;
  listening_ = Listening::asked;
  return {};
}

Status Session::probe() {
  const auto number = connection_.publish(talk_.root + "status", "online", true);
  if (!number) return fail(number.error());
  in_flight_[*number] = std::nullopt;
  online_ = *number;
  return {};
}

bool Session::settled() const {
  return !online_ && listening_ != Listening::asked;
}

Status Session::advance() {
  for (const auto& answer : connection_.take_answered()) {
    if (answer.number != subscription_) continue;
    listening_ = answer.granted ? Listening::granted : Listening::refused;
  }
  if (auto received = connection_.take_received(); !received.empty()) {
    talk_.received(std::move(received));
  }
  take_acknowledgements();
  const std::size_t unanswered = in_flight_.size();
  const BrokerConnection::Bundle together(connection_);
  Status sent = send_messages();
  if (sent) sent = send_events();
  talking_ = in_flight_.size() > unanswered;
  return sent;
}

Status Session::send_messages() {
  while (in_flight_.size() - events_in_flight_ < message_window) {
    const auto message = talk_.next_message();
    if (!message) break;
    auto sent = send(message->topic, message->payload, message->retain, std::nullopt);
    if (!sent) return sent;
  }
  return {};
}

Status Session::send_events() {
  held_back_ = false;
  while (events_in_flight_ < event_window) {
    const auto now = std::chrono::steady_clock::now();
    held_back_ = !pace_.ready(now);
    if (held_back_) break;
    const auto event = feed_.next();
    if (!event) {
      if (!std::exchange(store_failed_, true)) {
        log::warning("monitor", "outbox: {}", event.error().message);
      }
      break;
    }
    store_failed_ = false;
    if (!*event) break;
    pace_.sent(now);
    const std::string payload = event_payload(**event);
    if (auto sent = send(talk_.root + "event", payload, false, (*event)->sequence); !sent) {
      return sent;
    }
  }
  return {};
}

void Session::end() {
  const auto begun = std::chrono::steady_clock::now();
  if (!send(talk_.root + "status", "offline", true, std::nullopt)) return;
  while (!in_flight_.empty() && std::chrono::steady_clock::now() - begun < 1s) {
    wait_for(connection_, -1, 100ms);
    if (!connection_.step()) break;
    take_acknowledgements();
  }
  strike_out(true);
  connection_.disconnect();
}

Status Session::send(const std::string& topic, const std::string& payload, bool retain,
                     std::optional<std::uint64_t> sequence) {
  const auto number = connection_.publish(topic, payload, retain);
  if (!number) return fail(number.error());
  in_flight_[*number] = sequence;
  if (sequence) ++events_in_flight_;
  return {};
}

void Session::take_acknowledgements() {
  for (const int number : connection_.take_acknowledged()) {
    if (number == online_) online_.reset();
    const auto found = in_flight_.find(number);
    if (found == in_flight_.end()) continue;
    if (const auto sequence = found->second) {
      acknowledged_.push_back(*sequence);
      --events_in_flight_;
    }
    in_flight_.erase(found);
  }
  strike_out(events_in_flight_ == 0 && !held_back_);
}

std::optional<Steady> Session::due() const {
  std::optional<Steady> at;
  if (unfinished()) at = struck_ + strike_interval;
  if (held_back_) at = at ? std::min(*at, pace_.next()) : pace_.next();
  return at;
}

// What cannot be struck out now is sent again another time; the sequence number tells.
void Session::strike_out(bool all) {
  const auto now = std::chrono::steady_clock::now();
  const bool due =
      all || acknowledged_.size() >= strike_together || now - struck_ >= strike_interval;
  if (acknowledged_.empty() || !due) return;
  struck_ = now;
  has_struck_ = true;
  const auto done = outbox_.acknowledge(std::exchange(acknowledged_, {}));
  if (!done && !std::exchange(store_failed_, true)) {
    log::warning("monitor", "outbox: {}", done.error().message);
  }
}

}  // namespace ferry::monitor
