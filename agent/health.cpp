// What the agent counts and measures, from where each of it is kept.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "agent/metrics/open_metrics.hpp"
#include "agent/state.hpp"
#include "base/file.hpp"

namespace ferry::agent {
namespace {

using metrics::Metric;

// Every kind of event by which a delivery goes on or ends, there from the start.
constexpr auto outcomes = std::to_array<std::string_view>(
    {"delivered", "installed", "failed", "rolled_back", "cancelled", "unknown"});

std::uint64_t seconds_of(Time time) {
  const auto ms = to_unix_ms(time);
  return ms < 0 ? 0 : static_cast<std::uint64_t>(ms) / 1000;
}

// Words of the agent for a link that is not served; any other is the plugin's own.
bool serves(const TransportStatus& status) {
  constexpr auto not_yet =
      std::to_array<std::string_view>({"starting", "failed", "restarting", "stopped"});
  return std::find(not_yet.begin(), not_yet.end(), status.state) == not_yet.end();
}

// What this process made the kernel send to storage (proc(5), write_bytes); nothing when the
// kernel does not say.
std::optional<std::uint64_t> written_bytes() {
  constexpr std::string_view key = "\nwrite_bytes: ";
  const auto text = read_file("/proc/self/io", 4096);
  if (!text) return std::nullopt;
  const auto at = text->find(key);
  if (at == text->npos) return std::nullopt;
  std::uint64_t bytes = 0;
  const char* begin = text->data() + at + key.size();
  const auto [end, error] = std::from_chars(begin, text->data() + text->size(), bytes);
  return error == std::errc() ? std::optional(bytes) : std::nullopt;
}

}  // namespace

void Agent::State::measure_links() {
  for (const auto& transport : supervisor->status()) {
    registry.set(Metric::requests, transport.name, transport.requests);
    registry.set(Metric::refusals, transport.name, transport.refusals);
    registry.set(Metric::delivered_bytes, transport.name, transport.bytes);
    registry.set(Metric::transport_restarts, transport.name, transport.restarts);
    registry.set(Metric::transport_up, transport.name, serves(transport) ? 1 : 0);
  }
  for (const auto& runner : runners) {
    const auto source = runner->status();
    const bool well = source.runs > 0 && source.state.last_error.empty();
    registry.set(Metric::fetched_bytes, source.name, source.state.bytes_fetched);
    registry.set(Metric::rejected, source.name, source.state.rejected);
    registry.set(Metric::source_up, source.name, well ? 1 : 0);
    if (source.type != config::SourceType::aws_jobs) continue;
    const auto reports = usage.reports.find(source.name);
    registry.set(Metric::reports_waiting, source.name,
                 reports == usage.reports.end() ? 0 : reports->second.count);
  }
  const auto broker = monitor ? monitor->status() : monitor::MonitorStatus{};
  registry.set(Metric::broker_up, broker.state == "connected" ? 1 : 0);
  registry.set(Metric::broker_connections, broker.connections);
  registry.set(Metric::commands_taken, broker.commands_taken);
  registry.set(Metric::commands_ignored, broker.commands_ignored);
  registry.set(Metric::wakes, waker->sent());
  registry.set(Metric::events_waiting, broker.waiting);
  registry.set(Metric::events_dropped, usage.events_dropped);
  registry.set(Metric::reports_dropped, usage.reports_dropped);
}

void Agent::State::measure_deliveries() {
  const auto& counts = desk->deliveries().counts();
  for (const std::string_view outcome : outcomes) {
    const auto told = counts.told.find(outcome);
    registry.set(Metric::deliveries, std::string(outcome),
                 told == counts.told.end() ? 0 : told->second);
  }
  registry.set(Metric::retries, counts.retries);
  registry.set(Metric::losses, counts.losses);
  registry.set(Metric::open_deliveries, desk->deliveries().open_count());
  registry.set(Metric::devices, desk->devices().size());
  registry.set(Metric::releases, view->all().size());
}

void Agent::State::measure() {
  measure_links();
  measure_deliveries();
  registry.set(Metric::store_bytes, usage.bytes);
  registry.set(Metric::store_quota_bytes, usage.quota);
  registry.set(Metric::store_packs, usage.packs);
  registry.set(Metric::store_quarantined_packs, usage.quarantined);
  registry.set(Metric::store_writable, usage.trouble.empty() && store_error.empty() ? 1 : 0);
  if (const auto written = written_bytes()) registry.set(Metric::written_bytes, *written);
  registry.set(Metric::time_floor_seconds, seconds_of(trusted_time->floor()));
  registry.set(Metric::clock_behind, trusted_time->clock_is_behind() ? 1 : 0);
  registry.set(Metric::start_seconds, seconds_of(started));
}

std::string Agent::State::metrics() {
  measure();
  return metrics::to_open_metrics(registry.snapshot());
}

}  // namespace ferry::agent
