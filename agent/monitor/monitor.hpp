// Tells the fleet's broker how this gateway is and what happened (docs/monitoring.md): by MQTT, on
// a thread of its own, so that no link and no broker ever holds up the agent.
#pragma once

#include <cstdint>
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
};

struct MonitorOptions {
  std::string gateway;
  config::MonitorSettings settings;
  Duration first_backoff = std::chrono::seconds(1);
  Duration last_backoff = std::chrono::seconds(60);
  Duration accept_deadline = std::chrono::seconds(30);  // for the broker's first word
  std::size_t most_devices = 1000;  // whose last message is kept to be sent again
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
  // Retained at PREFIX/GATEWAY/device/ID, the latest of each device. null removes it.
  void publish_device(const std::string& id, const formats::Json& device);
  // The outbox has got something. Without this word it is looked at every few seconds.
  void events_added();
  MonitorStatus status() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace ferry::monitor
