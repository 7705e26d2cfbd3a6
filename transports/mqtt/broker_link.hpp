// The way to the gateway's own broker: one connection at a time, made again with backoff when it is
// lost.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mqtt/broker_connection.hpp"
#include "transports/loop/loop.hpp"

namespace ferry::things {

// What becomes of the link; called on the loop.
struct LinkEvents {
  std::function<void()> connected;  // and every subscription is granted
  std::function<void(mqtt::Received)> received;
  std::function<void(std::uint64_t)> lost;            // so many messages came faster than they go
  std::function<void(const Error& why)> unconnected;  // told once for each attempt that failed
};

// Lives on the plugin's loop until the process ends: a thread that the operating system holds in a
// connection attempt may outlive run().
class BrokerLink final : private loop::Waiter {
 public:
  BrokerLink(loop::Loop& loop, mqtt::Broker broker, std::string client_id,
             std::vector<std::string> filters, LinkEvents events);

  void start();
  // Says goodbye, if it is connected.
  void stop();
  bool is_connected() const { return ready_; }
  // QoS 1. False when it is dropped: there is no connection, or so much waits for the broker that
  // nothing more is kept.
  bool publish(const std::string& topic, const std::string& payload);

 private:
  static constexpr std::size_t most_unacknowledged = 900;              // messages, and
  static constexpr std::size_t most_unacknowledged_bytes = 4U << 20U;  // of payload

  void connect();
  void opened(Result<mqtt::BrokerConnection> connection);
  void step();
  Status advance();
  Status subscribe();
  Status take_answers();
  void watch();
  void lost(const Error& why);
  void tick();

  void readable() override { step(); }
  void writable() override { step(); }
  void released() override;

  loop::Loop& loop_;
  const mqtt::Broker broker_;
  const std::string client_id_;
  const std::vector<std::string> filters_;
  LinkEvents events_;
  loop::Watch watch_;
  loop::Timer ticker_;
  loop::Timer again_;
  std::optional<mqtt::BrokerConnection> connection_;
  std::chrono::steady_clock::time_point since_{};  // of the connection
  std::vector<int> subscriptions_;                 // that the broker has not answered
  std::map<int, std::size_t> unacknowledged_;      // number of a message → bytes
  std::size_t unacknowledged_bytes_ = 0;
  bool subscribed_ = false;
  bool ready_ = false;
  bool waits_ = false;  // for the old descriptor's release, to try again
  Duration pause_;
};

}  // namespace ferry::things
