// Tells the fleet's broker how this gateway is and what happened, and hears commands
// (docs/monitoring.md): by MQTT, on a thread of its own, so that no link and no broker ever holds
// up the agent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "formats/json.hpp"
#include "storage/store.hpp"

namespace ferry::monitor {

struct MonitorStatus {
  std::string state = "disabled";  // disabled, connecting, connected, refused
  std::string broker;              // "host:port"
  std::uint64_t waiting = 0;       // events that no broker has acknowledged yet
  std::string error;               // why it is not connected, and what to look at
  std::string commands = "off";    // off, waiting (for the broker's word), listening, refused
  std::uint64_t commands_taken = 0;
  std::uint64_t commands_ignored = 0;  // retained, on another topic, or too many at once
  std::uint64_t connections = 0;       // that a broker accepted
  std::uint64_t tests = 0;             // that ended, see test()
  Duration answer_time{};              // of the broker in the last one that it answered
};

struct MonitorOptions {
  std::string gateway;
  config::MonitorSettings settings;
  // Called on the monitor's thread with the payload of each command, and ErrorCode::too_large
  // instead of one that nobody wants to read. Each call is answered by one of reply(). Without it
  // no command is heard.
  std::function<void(Result<std::string>)> on_command;
  // Called on the monitor's thread each time that a broker has accepted the gateway.
  std::function<void()> on_connected;
  Duration first_backoff = std::chrono::seconds(1);
  Duration last_backoff = std::chrono::seconds(60);
  Duration accept_deadline = std::chrono::seconds(30);  // for the broker's first word
  // Whose last message is kept to be sent again: as many as the agent knows at most.
  std::size_t most_devices = 10000;
  std::size_t most_commands = 32;  // that wait for their reply; further ones are ignored
};

// Every function may be called from any thread and returns at once.
class Monitor {
 public:
  // Starts its thread, unless settings.enabled is false: then nothing is ever sent. `outbox` has to
  // outlive the monitor; it is used on the monitor's thread alone.
  Monitor(const MonitorOptions& options, storage::Outbox& outbox);
  // Says "offline" and ends the connection; within about a second. A thread that the operating
  // system holds in a connection attempt is left to end by itself, it touches nothing of the
  // caller's then.
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // Retained at PREFIX/GATEWAY/state. Only the latest is kept while there is no connection.
  void publish_state(const formats::Json& state);
  // Retained at PREFIX/GATEWAY/device/PRODUCT/ID, the latest of each device. null removes it.
  void publish_device(const std::string& product, const std::string& id,
                      const formats::Json& device);
  // Retained at that topic, a whole one: the latest of each. null removes it.
  void publish_entity(const std::string& topic, const formats::Json& config);
  // At PREFIX/GATEWAY/transfer/ID, at most once a second. `over`: it ended, nothing more is said of
  // it.
  void publish_transfer(std::uint64_t id, const formats::Json& transfer, bool over);
  // Whether this transfer was told of and has not ended.
  bool tells_transfer(std::uint64_t id) const;
  // At PREFIX/GATEWAY/command/reply.
  void reply(const formats::Json& reply);
  // What wakes a device, at a whole topic; lost when the connection is.
  void wake(const std::string& topic, const std::string& payload);
  // The outbox has got something. Without this word it is looked at every few seconds.
  void events_added();
  // Asks the broker for an answer, or tries to connect now: the test is over when status().tests
  // has reached the number given.
  std::uint64_t test();
  MonitorStatus status() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace ferry::monitor
