#include "agent/monitor/session.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "agent/monitor/topics.hpp"
#include "base/log.hpp"

namespace ferry::monitor {

using namespace std::chrono_literals;

Session::Session(BrokerConnection& connection, storage::Outbox& outbox, EventFeed& feed,
                 std::string root, NextRetained next_retained)
    : connection_(connection),
      outbox_(outbox),
      feed_(feed),
      root_(std::move(root)),
      next_retained_(std::move(next_retained)) {}

Status Session::begin() {
  feed_.rewind();
  return send(root_ + "status", "online", true, std::nullopt);
}

Status Session::advance() {
  take_acknowledgements();
  while (in_flight_.size() - events_in_flight_ < retained_window) {
    const auto message = next_retained_();
    if (!message) break;
    if (auto sent = send(message->topic, message->payload, true, std::nullopt); !sent) return sent;
  }
  while (events_in_flight_ < event_window) {
    const auto event = feed_.next();
    if (!event) {
      if (!std::exchange(store_failed_, true)) {
        log::warning("monitor", "outbox: {}", event.error().message);
      }
      break;
    }
    store_failed_ = false;
    if (!*event) break;
    const std::string payload = event_payload(**event);
    if (auto sent = send(root_ + "event", payload, false, (*event)->sequence); !sent) return sent;
  }
  return {};
}

void Session::end() {
  const auto begun = std::chrono::steady_clock::now();
  if (!send(root_ + "status", "offline", true, std::nullopt)) return;
  while (!in_flight_.empty() && std::chrono::steady_clock::now() - begun < 1s) {
    wait_for(connection_, -1, 100ms);
    if (!connection_.step()) return;
    take_acknowledgements();
  }
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

// All that came together is struck out together: each transaction is a flush of the medium.
void Session::take_acknowledgements() {
  std::vector<std::uint64_t> sequences;
  for (const int number : connection_.take_acknowledged()) {
    const auto found = in_flight_.find(number);
    if (found == in_flight_.end()) continue;
    if (const auto sequence = found->second) sequences.push_back(*sequence);
    in_flight_.erase(found);
  }
  if (sequences.empty()) return;
  events_in_flight_ -= sequences.size();
  // What cannot be struck out now is sent again another time; the sequence number tells.
  const auto struck = outbox_.acknowledge(sequences);
  if (!struck && !std::exchange(store_failed_, true)) {
    log::warning("monitor", "outbox: {}", struck.error().message);
  }
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

}  // namespace ferry::monitor
