// The monitor over a real outbox, driven by lines of JSON on standard input:
//   {"do":"events","count":N,"detail":…}  appends N events to the outbox
//   {"do":"state","value":…}             publishes the state
//   {"do":"device","product":…,"id":…,"value":…}          publishes a device
//   {"do":"transfer","id":N,"value":…,"over":BOOL}        publishes how far a transfer is
//   {"do":"test"}                        answers the test's number
//   {"do":"status"}                      answers the monitor's status as JSON on standard output
// Usage: monitor_probe STORE SETTINGS, the latter a JSON object; ends at the end of its input.
#include <fmt/format.h>

#include <cstdio>
#include <iostream>

#include "agent/monitor/monitor.hpp"
#include "formats/json.hpp"

namespace {

using ferry::formats::Json;

ferry::monitor::MonitorOptions options_from(const Json& wanted) {
  ferry::monitor::MonitorOptions options;
  options.gateway = wanted["gateway"];
  auto& settings = options.settings;
  settings.enabled = true;
  settings.host = wanted["host"];
  settings.port = wanted["port"];
  settings.tls = wanted["tls"];
  settings.ca_file = wanted.value("ca_file", "");
  settings.client_certificate = wanted.value("client_certificate", "");
  settings.client_key = wanted.value("client_key", "");
  settings.user = wanted.value("user", "");
  settings.password_file = wanted.value("password_file", "");
  options.first_backoff = std::chrono::milliseconds(20);
  options.last_backoff = std::chrono::milliseconds(200);
  return options;
}

void append(ferry::storage::Outbox& outbox, int count, const std::string& detail) {
  std::vector<ferry::storage::Event> events(static_cast<std::size_t>(count));
  for (auto& event : events) {
    event.at = ferry::from_unix_ms(1'577'934'245'000);
    event.kind = "fetched";
    event.detail = detail;
  }
  if (const auto appended = outbox.append(events); !appended) {
    fmt::print(stderr, "{}\n", appended.error().message);
  }
}

void answer(const ferry::monitor::MonitorStatus& status) {
  const Json text = {{"state", status.state},
                     {"broker", status.broker},
                     {"waiting", status.waiting},
                     {"error", status.error}};
  fmt::print("{}\n", text.dump());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const ferry::SystemClock clock;
  ferry::storage::StoreOptions store_options;
  store_options.folder = argv[1];
  const auto store = ferry::storage::Store::open(store_options, clock);
  if (!store) {
    fmt::print(stderr, "{}\n", store.error().message);
    return 1;
  }
  ferry::storage::Outbox& outbox = (*store)->outbox();
  ferry::monitor::Monitor monitor(options_from(Json::parse(argv[2])), outbox);
  std::string line;
  while (std::getline(std::cin, line)) {
    const Json order = Json::parse(line);
    const std::string what = order["do"];
    if (what == "events") {
      const Json detail = order.value("detail", Json{{"artifact", "pump.bin"}});
      append(outbox, order["count"], detail.dump());
      monitor.events_added();
    }
    if (what == "state") monitor.publish_state(order["value"]);
    if (what == "device") {
      monitor.publish_device(order["product"], order["id"], order["value"]);
    }
    if (what == "transfer") monitor.publish_transfer(order["id"], order["value"], order["over"]);
    if (what == "test") {
      fmt::print("{}\n", monitor.test());
      std::fflush(stdout);
    }
    if (what == "status") answer(monitor.status());
  }
  return 0;
}
