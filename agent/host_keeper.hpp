// Keeps the host of one transport running. Included only by the supervisor's own files, since it
// brings Asio along.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/backoff.hpp"
#include "agent/host_process.hpp"
#include "agent/host_requests.hpp"
#include "agent/ports.hpp"
#include "agent/supervisor.hpp"
#include "base/link.hpp"
#include "formats/link_messages.hpp"

namespace ferry::agent {

// What one run of the host process needs; gone with it.
struct HostRun;

// On the agent's loop.
class HostKeeper : public std::enable_shared_from_this<HostKeeper> {
 public:
  HostKeeper(boost::asio::io_context& loop, const SupervisorOptions& options, std::string plugin,
             formats::link::Settings settings, HostRequests& requests,
             std::function<void()> changed);
  ~HostKeeper();  // kills the host and waits for its end
  HostKeeper(const HostKeeper&) = delete;
  HostKeeper& operator=(const HostKeeper&) = delete;

  void start();
  // Ends the host for good; `stopped` is called once it is gone.
  void stop(std::function<void()> stopped);
  void send(const formats::link::FromAgent& message, std::vector<Descriptor> descriptors = {});
  // Tells the host so once, however often it is called while the host does not read.
  void catalog_changed();
  const TransportStatus& status() const { return status_; }

 private:
  using Instant = std::chrono::steady_clock::time_point;

  template <typename Function>
  auto in_this_run(Function function);
  void watch_link();
  void watch_writable();
  void watch_exit();
  void tick();
  void plan_tick();
  void hand_over_ports();
  // Receives and handles what is there, at most `most` messages. False at the link's end.
  bool receive(int most);
  void on_readable();
  void on_exit();
  void kill(std::string reason);
  void kill_later(std::chrono::milliseconds grace, const std::string& reason);
  void restart_later(const std::string& reason);
  void set_state(const std::string& state, const std::string& detail);
  void finish_stop();

  void handle(const formats::link::FromHost& message);
  void on(const formats::link::Hello& message);
  void on(const formats::link::LinkState& message);
  void on(const formats::link::Seen& message);
  void on(const formats::link::AskOffer& message);
  void on(const formats::link::AskArtifact& message);
  void on(const formats::link::Progress& message);
  void on(const formats::link::Outcome& message);
  void on(const formats::link::Corrupt& message);
  void on(const formats::link::Pong& message);
  void on(const formats::link::AskStep& message);
  void on(const formats::link::PortClosed& message);
  void on(const formats::link::Counted& message);
  void on(const formats::link::AskMirror& message);
  // What sends the answer to a question, if the host that asked is still there; kills one that asks
  // without end.
  template <typename Reply, typename... Descriptors>
  std::function<void(Reply, Descriptors...)> answer(std::uint64_t id);

  boost::asio::io_context& loop_;
  const SupervisorOptions options_;
  const formats::link::Settings settings_;
  const std::string component_;  // for the log: "transport.NAME"
  HostRequests& requests_;
  std::function<void()> changed_;
  TransportStatus status_;
  Ports ports_;
  std::shared_ptr<HostRun> run_;  // null while none runs
  boost::asio::steady_timer restart_timer_;
  Backoff backoff_;
  bool stopping_ = false;
  std::function<void()> stopped_;
};

}  // namespace ferry::agent
