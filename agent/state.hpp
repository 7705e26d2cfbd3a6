// The agent's parts and what connects them. Internal to agent.cpp and operations.cpp.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/agent.hpp"
#include "agent/control/command_gate.hpp"
#include "agent/control/control.hpp"
#include "agent/desk.hpp"
#include "agent/metrics/registry.hpp"
#include "agent/monitor/discovery.hpp"
#include "agent/monitor/monitor.hpp"
#include "agent/report.hpp"
#include "agent/room.hpp"
#include "agent/source/runner.hpp"
#include "agent/supervisor.hpp"
#include "agent/waker.hpp"

namespace ferry::agent {

namespace asio = boost::asio;

// One thread for whatever touches the store, so that the loop never waits for a disk.
class LoopWorker final : public Worker {
 public:
  explicit LoopWorker(asio::io_context& loop) : loop_(loop), thread_(1) {}
  void run(std::function<void()> work, std::function<void()> then) override {
    asio::post(thread_, [this, work = std::move(work), then = std::move(then)]() mutable {
      work();
      if (then) asio::post(loop_, std::move(then));
    });
  }
  // Ends what was begun; later work is dropped.
  void finish() { thread_.join(); }

 private:
  asio::io_context& loop_;
  asio::thread_pool thread_;
};

using Catalog = std::shared_ptr<const catalog::View>;

// Reads the whole catalog from the store; on any thread.
Result<Catalog> read_catalog(storage::Store& store, const config::Settings& settings, Time now);

struct Agent::State final : control::ControlRequests {
  State(AgentOptions given, const Clock& time)
      : options(std::move(given)),
        clock(time),
        worker(loop),
        signals(loop),
        housekeeping(loop),
        watchdog(loop),
        source_watch(loop),
        reload_pause(loop),
        wake_timer(loop),
        waker_timer(loop) {}

  // In the order in which run() needs them.
  Status open_store();
  Status start_time();
  Status start_control();
  void start_hosts();
  Status start_sources();
  void start_monitor();
  void stop();

  // The catalog in memory: catalog_in_memory.cpp.
  void use_catalog(Catalog read);
  void reload_catalog();
  void read_again();
  void judge_sources();
  void keep_house();
  void take_stock();
  void feed_watchdog();

  // Who is woken: wakes.cpp.
  Status start_waker();
  void look_for_sleepers();
  void look_again_in(Duration pause);
  void look_soon();

  // Jobs of the cloud: jobs.cpp.
  void assign_job(const storage::Job& job, bool wanted);
  void tell_of_jobs();

  // What is told to the broker and to watchers: reporting.cpp.
  void device_changed(const storage::Device& device);
  void delivery_changed(const storage::Delivery& delivery);
  void delivery_moved(const storage::Delivery& delivery);
  void report_transfer(const storage::Delivery& delivery, const Json& value);
  bool reports() const { return monitor && options.settings.monitor.enabled; }
  void pack_corrupt(const std::string& pack, const std::string& why);
  void scrub();
  void watch_sources();
  void transports_changed();
  // For Home Assistant: entities.cpp.
  void publish_device(const storage::Device& device);
  void publish_entity(const storage::Device& device);
  void publish_gateway_entity();
  void publish_devices_again();
  monitor::EntityState entity_state(const storage::Device& device) const;
  bool tells_home_assistant() const { return reports() && options.settings.monitor.home_assistant; }
  void publish_state();
  void wake_hosts(Duration in);

  Json status() override;
  Json sources() override;
  Json releases() override;
  Json devices() override;
  Json deliveries() override;
  Json wakes() override { return waker->devices(); }
  Result<Json> sync(const std::string& source) override;
  Result<Json> assign(const control::Assignment& assignment) override;
  Result<Json> order(std::uint64_t delivery, control::DeliveryOrder wanted) override;
  Result<std::uint64_t> newest_delivery(const std::string& device,
                                        const std::string& product) override;
  Result<Json> order_release(const std::string& product, const std::string& version,
                             control::ReleaseOrder wanted) override;
  Result<Json> test_monitor() override;
  std::string metrics() override;
  Status evict(const std::string& product, const std::string& version);

  // Commands of the broker: commands.cpp.
  Status open_gate();
  void hear(const Result<std::string>& payload);

  // Brings the registry up to date: health.cpp.
  void measure();
  void measure_links();
  void measure_deliveries();

  Json release_json(const storage::HeldRelease& held) const;
  Json source_json(const source::SourceRunner& runner) const;
  Json device_json(const storage::Device& device) const;
  Json transports() const;
  Json monitor_status() const;
  Json store_status() const;

  AgentOptions options;
  const Clock& clock;
  asio::io_context loop{1};
  LoopWorker worker;
  asio::signal_set signals;
  asio::steady_timer housekeeping;
  asio::steady_timer watchdog;
  asio::steady_timer source_watch;
  asio::steady_timer reload_pause;
  asio::steady_timer wake_timer;
  asio::steady_timer waker_timer;
  // When hosts are to be told that devices may get what they wait for; max() when nothing waits.
  std::chrono::steady_clock::time_point wake_at = std::chrono::steady_clock::time_point::max();
  std::chrono::steady_clock::time_point woken{};
  bool reloading = false;      // the catalog is being read, or waits for its turn
  bool reload_wanted = false;  // something changed since that began
  // Reads whole packs, which takes minutes: neither the loop nor the worker may wait for it.
  asio::thread_pool reader{1};
  bool reading = false;
  std::set<std::string> suspects;  // packs that a host complained of, until they were read
  std::map<std::string, Json> shown_sources;  // as watchers know them
  std::chrono::steady_clock::time_point state_published{};
  Time started{};
  std::chrono::steady_clock::time_point started_steady{};
  bool stopping = false;

  std::unique_ptr<storage::Store> store;
  Catalog view;
  std::unique_ptr<Desk> desk;
  std::unique_ptr<Supervisor> supervisor;
  std::unique_ptr<control::ControlServer> server;
  std::unique_ptr<monitor::Monitor> monitor;
  std::unique_ptr<Waker> waker;
  std::unique_ptr<CatalogRoom> room;
  std::unique_ptr<source::TrustedTime> trusted_time;
  source::Turns turns;
  std::vector<std::unique_ptr<source::SourceRunner>> runners;
  // The last that the worker found, for status(), which must not wait for a disk.
  storage::Usage usage;
  std::string store_error;
  std::set<std::pair<std::string, std::string>> pins;  // product and version
  std::unique_ptr<control::CommandGate> gate;
  std::string gate_key;  // base64; "" when commands need no signature
  std::vector<storage::Delivery> recent;
  std::uint64_t reports_added = 0;  // of jobs, as sources know
  metrics::Registry registry;
};

}  // namespace ferry::agent
