// What waits to be said to the broker, except for events: it is filled by the agent's threads and
// emptied by the monitor's.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "agent/monitor/latest.hpp"

namespace ferry::monitor {

// Thread-safe. Topics are whole ones.
class Outgoing {
 public:
  static constexpr std::size_t most_transfers = 1000;
  static constexpr std::size_t most_replies = 64;
  static constexpr std::size_t most_wakes = 64;

  explicit Outgoing(std::size_t most_devices)
      : state_(1, interval, true),
        devices_(most_devices, interval, true),
        entities_(most_devices + 1, interval, true),
        transfers_(most_transfers, interval, false) {}

  void set_state(const std::string& topic, std::string payload);
  void set_device(const std::string& topic, std::string payload);
  // What shows a device, or the gateway, in Home Assistant.
  void set_entity(const std::string& topic, std::string payload);
  // How far a transfer is. `over`: nothing more will be said of it; what is over and was never
  // begun here is told once.
  void set_transfer(const std::string& topic, std::string payload, bool over);
  bool tells_transfer(const std::string& topic) const;
  // Never more than most_replies: the oldest makes room.
  void add_reply(const std::string& topic, std::string payload);
  // What wakes a device, over the present connection alone: it would be out of date in the next.
  // Never more than most_wakes: further ones are dropped, and their devices woken another time.
  void add_wake(const std::string& topic, std::string payload);

  std::optional<Message> next(Steady now);
  // When next() has something; nothing when it will not by itself.
  std::optional<Steady> due() const;
  // A new connection.
  void send_all();

 private:
  static constexpr Duration interval = std::chrono::seconds(1);

  mutable std::mutex mutex_;
  Latest state_;
  Latest devices_;
  Latest entities_;
  Latest transfers_;
  std::deque<Message> replies_;
  std::deque<Message> wakes_;
};

}  // namespace ferry::monitor
