// The agent's control server: HTTP/1.1 with JSON bodies on a unix stream socket, for ferryctl,
// scripts and `curl --unix-socket`. docs/control-api.md describes every endpoint and field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "formats/json.hpp"

namespace boost::asio {
class io_context;
}

namespace ferry::control {

using formats::Json;

// What an operator wants one device to run.
struct Assignment {
  std::string device;
  std::string product;     // "" = whichever product the device has
  std::string version;     // "" = no assignment any more: the newest release is offered
  bool downgrade = false;  // the operator agrees to a version below the device's own
};

// What an operator wants of one delivery.
enum class DeliveryOrder { pause, resume, retry, cancel, force, install };

// What an operator wants of one release. pin: eviction never takes it; evict: it goes now, and is
// fetched again only when a source still has it and somebody needs it.
enum class ReleaseOrder { retry, pin, unpin, evict };

// What the server asks of the agent. Called on the agent's loop; must not block for long. The
// shapes of the JSON values are those of docs/control-api.md: lists are arrays, not wrapped in an
// object.
class ControlRequests {
 public:
  virtual ~ControlRequests() = default;
  virtual Json status() = 0;
  virtual Json sources() = 0;
  virtual Json releases() = 0;
  virtual Json devices() = 0;
  virtual Json deliveries() = 0;  // newest first
  virtual Json wakes() = 0;       // the devices that may be woken
  // Starts a synchronization of one source, "" for all, and returns at once. ErrorCode::not_found
  // when there is no such source.
  virtual Result<Json> sync(const std::string& source) = 0;
  // The device's entry afterwards. ErrorCode::not_found: no such device, or no such release of its
  // product; ErrorCode::denied: below the device's version without `downgrade`.
  virtual Result<Json> assign(const Assignment& assignment) = 0;
  // The delivery's entry afterwards. ErrorCode::not_found: no such delivery, or it ended too long
  // ago; ErrorCode::denied: its state does not allow that.
  virtual Result<Json> order(std::uint64_t delivery, DeliveryOrder order) = 0;
  // The number of the newest delivery to a device; `product` may be "". ErrorCode::not_found: no
  // such device, or nothing was ever for it.
  virtual Result<std::uint64_t> newest_delivery(const std::string& device,
                                                const std::string& product) = 0;
  // The release's entry afterwards. ErrorCode::not_found: no such release, or (retry) it is not
  // stopped; ErrorCode::denied: (evict) it is pinned, or somebody is to get it.
  virtual Result<Json> order_release(const std::string& product, const std::string& version,
                                     ReleaseOrder order) = 0;
  // Begins a test of the connection to the broker: {"run"}, over when monitor.tests has reached it.
  // ErrorCode::unavailable: there is no broker.
  virtual Result<Json> test_monitor() = 0;
  // The page of docs/monitoring.md, as OpenMetrics.
  virtual std::string metrics() = 0;
};

struct ControlOptions {
  std::filesystem::path socket;
  std::size_t connections = 32;       // further ones wait until one ends
  std::size_t page_connections = 8;   // the same for the page of metrics on its own address
  std::size_t watchers = 8;           // of these, at most; further ones are answered 503
  std::size_t body_limit = 64 << 10;  // bytes of one request's body
  std::size_t watch_backlog =
      1 << 20;  // bytes that one watcher may lag behind before it is dropped
  Duration stall_timeout = std::chrono::seconds(10);  // a client silent or not reading for so long
  Duration progress_interval = std::chrono::seconds(1);
};

// Lives on the agent's loop: every call from there, and `requests` is called there.
class ControlServer {
 public:
  ControlServer(boost::asio::io_context& loop, const ControlOptions& options, const Clock& clock,
                ControlRequests& requests);
  ~ControlServer();  // closes every connection and removes the socket
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Takes the socket's place, mode 0660. What a dead agent left there is replaced; a live one's is
  // ErrorCode::exists, a file of another kind ErrorCode::invalid.
  Status start();
  // Serves GET /metrics, and nothing else, at "127.0.0.1:9464" or "[::1]:9464" as well, whoever of
  // this machine asks. ErrorCode::invalid: an address that others could reach.
  Status serve_metrics(const std::string& endpoint);
  // A change of state, to every watcher at once. `kind` is source, release, device, delivery,
  // transport or event; `id` tells objects of one kind apart; `value` is the object as it is now.
  void publish_event(const std::string& kind, const std::string& id, const Json& value);
  // The same for progress: only the latest of each object, at most once in progress_interval. An
  // event of the same object takes the place of progress that waits.
  void publish_progress(const std::string& kind, const std::string& id, Json value);
  // Whether anyone watches: spares the agent from building values that nobody gets.
  bool watched() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ferry::control
