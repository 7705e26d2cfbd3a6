// The agent's control server over canned data, driven by lines of JSON on standard input:
//   {"do":"event"|"progress","kind":…,"id":…,"value":…}  publishes
//   {"do":"set","source":NAME,"value":{…}}                merges into a source's entry
//   {"do":"flood","lines":N,"bytes":N}                    publishes N events of that size
//   {"do":"say"}                                          answers "said" on standard output
// Usage: control_probe SOCKET [CONNECTIONS [WATCHERS [STALL_MS [BACKLOG]]]]; prints "ready".
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/streambuf.hpp>
#include <csignal>
#include <cstdlib>
#include <istream>

#include "agent/control/control.hpp"

namespace {

using ferry::ErrorCode;
using ferry::Result;
using ferry::control::Assignment;
using ferry::control::ControlOptions;
using ferry::control::ControlRequests;
using ferry::control::ControlServer;
using ferry::control::DeliveryOrder;
using ferry::control::Json;
using ferry::control::ReleaseOrder;

const char* const canned = R"json({
  "sources": [
    {"name": "cloud", "type": "https", "trust": "signature", "state": "idle", "runs": 4,
     "last_success": "2020-01-02T03:04:05Z", "last_attempt": "2020-01-02T03:04:05Z", "last_error": "",
     "next_attempt": null, "bytes_fetched": 67108864, "rejected": 1, "fetching": null},
    {"name": "stick", "type": "directory", "trust": "none", "state": "failed", "runs": 9,
     "last_success": null, "last_attempt": "2020-01-02T03:04:05Z", "last_error": "/media/stick: not there",
     "next_attempt": null, "bytes_fetched": 0, "rejected": 0, "fetching": null}],
  "releases": [
    {"product": "pump", "version": "1.2.0", "channel": "stable", "source": "cloud",
     "admitted": "2020-01-02T03:04:05Z", "complete": true, "size": 1048576,
     "stopped": true, "rollout": "stopped: 3 failures",
     "artifacts": [{"role": "firmware", "name": "pump.bin", "size": 1048576, "sha256": "00"}]}],
  "devices": [
    {"id": "pump-7", "product": "pump", "version": "1.1.0", "transport": "wifi", "address": "10.0.0.7",
     "last_seen": "2020-01-02T03:04:05Z", "assigned": "", "channel": "", "proven": false,
     "delivery": {"version": "1.2.0", "state": "transferring", "bytes_done": 524288, "bytes_total": 1048576}},
    {"id": "a/b \u001b[2J", "product": "pump", "version": "", "transport": "wifi", "address": "10.0.0.8",
     "last_seen": null, "assigned": "", "channel": "", "proven": true, "delivery": null}],
  "deliveries": [
    {"id": 3, "device": "pump-7", "product": "pump", "from": "1.1.0", "version": "1.2.0",
     "transport": "wifi", "state": "transferring", "bytes_done": 524288, "bytes_total": 1048576,
     "started": "2020-01-02T03:04:05Z", "updated": "2020-01-02T03:04:05Z", "detail": "", "mode": "push",
     "attempts": 2, "paused": false, "cause": "busy", "waits": "waits: retry in 40s (attempt 3 of 5)"}],
  "wakes": [
    {"wake": "lora", "product": "pump", "device": "pump-7", "name": "70b3d57ed0008cd6",
     "version": "1.2.0", "attempts": 2, "last": "2020-01-02T03:04:05Z", "next": null,
     "waits": "waits: window 06:00-22:00"}]
})json";

class CannedAgent final : public ControlRequests {
 public:
  CannedAgent() : data_(Json::parse(canned)) {}

  Json status() override {
    return {{"gateway", "van-1"},
            {"version", "0.1.0"},
            {"started", "2020-01-02T03:04:05Z"},
            {"uptime_seconds", 3725},
            {"time", "2020-01-02T04:06:10Z"},
            {"store",
             {{"bytes", 1048576},
              {"quota", 4194304},
              {"packs", 1},
              {"quarantined", 0},
              {"writable", true},
              {"error", ""}}},
            {"sources", data_["sources"]},
            {"transports", Json::array({{{"name", "wifi"},
                                         {"plugin", "http"},
                                         {"state", "listening"},
                                         {"detail", "10.0.0.1:80"},
                                         {"pid", 4711},
                                         {"restarts", 0}}})},
            {"monitor",
             {{"state", "refused"},
              {"broker", "broker.example:8883"},
              {"waiting", 12},
              {"error", "not authorised"},
              {"commands", "waiting"},
              {"tests", 1},
              {"answer_ms", 12}}},
            {"counters", {{"installed", 5}}}};
  }
  Json sources() override { return data_["sources"]; }
  Json releases() override { return data_["releases"]; }
  Json devices() override { return data_["devices"]; }
  Json deliveries() override { return data_["deliveries"]; }
  Json wakes() override { return data_["wakes"]; }

  Result<Json> sync(const std::string& source) override {
    Json begun = Json::array();
    for (Json& entry : data_["sources"]) {
      if (!source.empty() && entry["name"] != source) continue;
      begun.push_back({{"name", entry["name"]}, {"run", entry["runs"].get<unsigned>() + 1U}});
      entry["state"] = "fetching";
    }
    if (begun.empty()) {
      return ferry::fail(ErrorCode::not_found, "source '" + source + "': not configured");
    }
    return Json{{"sources", begun}};
  }

  Result<Json> assign(const Assignment& wanted) override {
    for (Json& device : data_["devices"]) {
      if (device["id"] != wanted.device) continue;
      if (wanted.version == "1.0.0" && !wanted.downgrade) {
        return ferry::fail(ErrorCode::denied, "1.0.0 is below 1.1.0: say so with downgrade");
      }
      device["assigned"] = wanted.version;
      return device;
    }
    return ferry::fail(ErrorCode::not_found, "device '" + wanted.device + "': not known here");
  }

  Result<Json> order(std::uint64_t id, DeliveryOrder order) override {
    for (Json& delivery : data_["deliveries"]) {
      if (delivery["id"] != id) continue;
      if (order == DeliveryOrder::retry) {
        return ferry::fail(ErrorCode::denied, "delivery 3 cannot be told to retry: transferring");
      }
      delivery["paused"] = order == DeliveryOrder::pause;
      delivery["waits"] = order == DeliveryOrder::pause ? "paused" : "";
      if (order == DeliveryOrder::cancel) delivery["state"] = "cancelled";
      return delivery;
    }
    return ferry::fail(ErrorCode::not_found, "delivery: not known any more");
  }

  Result<std::uint64_t> newest_delivery(const std::string&, const std::string&) override {
    return 3;
  }
  std::string metrics() override { return "# EOF\n"; }
  Result<Json> test_monitor() override { return Json{{"run", 1}}; }

  Result<Json> order_release(const std::string& product, const std::string& version,
                             ReleaseOrder order) override {
    for (Json& release : data_["releases"]) {
      if (release["product"] != product || release["version"] != version) continue;
      if (order == ReleaseOrder::pin || order == ReleaseOrder::unpin) {
        release["pinned"] = order == ReleaseOrder::pin;
        return release;
      }
      if (order == ReleaseOrder::evict) {
        return ferry::fail(ErrorCode::denied, product + " " + version + " is pinned");
      }
      if (release["stopped"] != true) break;
      release["stopped"] = false;
      release["rollout"] = "";
      return release;
    }
    return ferry::fail(ErrorCode::not_found, product + " " + version + " is not stopped");
  }

  void set(const std::string& source, const Json& value) {
    for (Json& entry : data_["sources"]) {
      if (entry["name"] == source) entry.update(value);
    }
  }

 private:
  Json data_;
};

// Reads standard input line by line on the loop.
class Director {
 public:
  Director(boost::asio::io_context& loop, ControlServer& server, CannedAgent& agent)
      : loop_(loop), server_(server), agent_(agent), input_(loop, ::dup(0)) {}

  void next() {
    boost::asio::async_read_until(input_, buffer_, '\n',
                                  [this](const boost::system::error_code& error, std::size_t) {
                                    if (error) return loop_.stop();
                                    std::istream lines(&buffer_);
                                    std::string line;
                                    std::getline(lines, line);
                                    obey(Json::parse(line));
                                    next();
                                  });
  }

 private:
  void obey(const Json& order) {
    const std::string what = order["do"];
    if (what == "event") server_.publish_event(order["kind"], order["id"], order["value"]);
    if (what == "progress") server_.publish_progress(order["kind"], order["id"], order["value"]);
    if (what == "set") agent_.set(order["source"], order["value"]);
    if (what == "flood") {
      const Json value = {{"fill", std::string(order["bytes"].get<std::size_t>(), 'x')}};
      for (int i = 0; i < order["lines"].get<int>(); ++i) server_.publish_event("event", "", value);
    }
    if (what == "say") {
      fmt::print("said {}\n", server_.watched());
      std::fflush(stdout);
    }
  }

  boost::asio::io_context& loop_;
  ControlServer& server_;
  CannedAgent& agent_;
  boost::asio::posix::stream_descriptor input_;
  boost::asio::streambuf buffer_;
};

std::size_t number(int argc, char** argv, int at, std::size_t otherwise) {
  return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  boost::asio::io_context loop;
  const ferry::SystemClock clock;
  CannedAgent agent;
  ControlOptions options;
  options.socket = argv[1];
  options.connections = number(argc, argv, 2, options.connections);
  options.watchers = number(argc, argv, 3, options.watchers);
  options.stall_timeout = std::chrono::milliseconds(number(argc, argv, 4, 10000));
  options.watch_backlog = number(argc, argv, 5, options.watch_backlog);
  ControlServer server(loop, options, clock, agent);
  if (const auto started = server.start(); !started) {
    fmt::print(stderr, "{}\n", started.error().message);
    return 1;
  }
  Director director(loop, server, agent);
  director.next();
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
  fmt::print("ready\n");
  std::fflush(stdout);
  loop.run();
  return 0;
}
