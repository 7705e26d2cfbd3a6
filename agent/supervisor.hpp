// Keeps one host process for each [transport.NAME] section running: starts it, hands it its
// settings, asks whether it still answers, ends one that hangs, and starts it again with backoff.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/host_requests.hpp"
#include "base/clock.hpp"
#include "config/settings.hpp"

namespace boost::asio {
class io_context;
}

namespace ferry::agent {

struct SupervisorOptions {
  std::filesystem::path host_program;   // ferry-transport
  std::filesystem::path plugin_folder;  // plugins by bare name: http.so
  std::filesystem::path packs_folder;
  Duration ping_interval = std::chrono::seconds(2);
  Duration answer_deadline =
      std::chrono::seconds(10);  // silent for so long: killed and started again
  Duration first_backoff = std::chrono::milliseconds(100);
  Duration last_backoff = std::chrono::seconds(30);
};

struct TransportStatus {
  std::string name;
  std::string plugin;
  std::string state;   // starting, listening, failed, restarting, stopped, or as the plugin says
  std::string detail;  // address, or why it failed
  pid_t pid = 0;
  std::uint64_t restarts = 0;
  // Since ferryd started, as its hosts told them; those that are killed take what they had not told
  // within the last second with them.
  std::uint64_t requests = 0;  // of devices, that were answered
  std::uint64_t refusals = 0;  // of these, by an error
  std::uint64_t bytes = 0;     // of artifacts, that devices' ends acknowledged
};

// Lives on the agent's loop; every call from there.
class Supervisor {
 public:
  Supervisor(boost::asio::io_context& loop, const SupervisorOptions& options,
             const std::vector<config::TransportSettings>& transports,
             const std::vector<config::ProductSettings>& products, HostRequests& requests);
  ~Supervisor();  // kills what is left

  void start();
  // Tells every host to stop, kills those that have not after 2 s, then calls `done`.
  void stop(std::function<void()> done);
  void catalog_changed();
  void withdraw(const std::string& pack);
  // The step of this delivery that the transport has under way shall end soon.
  void cancel(const std::string& transport, std::uint64_t delivery);
  std::vector<TransportStatus> status() const;
  // Called whenever a status above changed.
  void on_change(std::function<void()> notify);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ferry::agent
