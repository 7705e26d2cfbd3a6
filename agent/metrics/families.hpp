// All that the agent counts and measures: the one list of it, for the state, for ferryctl and for
// the OpenMetrics page.
#pragma once

#include <span>
#include <string_view>

namespace ferry::metrics {

enum class Kind { counter, gauge };

// One thing that is counted (a sum that never goes down while ferryd runs) or measured (as it is
// now). It has one value, or one for each value of its label.
struct Family {
  std::string_view name;  // without the "_total" of counters; ends in its unit, if it has one
  Kind kind = Kind::gauge;
  std::string_view unit;   // "bytes", "seconds", or ""
  std::string_view label;  // "" none
  // What it is called in `counters` of the state; "" when it stands elsewhere in the state.
  std::string_view key;
  std::string_view help;
};

// In the order of families().
enum class Metric {
  requests,
  refusals,
  delivered_bytes,
  transport_restarts,
  transport_up,
  fetched_bytes,
  rejected,
  source_up,
  releases,
  devices,
  open_deliveries,
  deliveries,
  retries,
  losses,
  store_bytes,
  store_quota_bytes,
  store_packs,
  store_quarantined_packs,
  store_writable,
  written_bytes,
  broker_up,
  broker_connections,
  commands_taken,
  commands_ignored,
  wakes,
  events_waiting,
  events_dropped,
  reports_waiting,
  reports_dropped,
  time_floor_seconds,
  clock_behind,
  start_seconds,
};

std::span<const Family> families();
const Family& family(Metric metric);

}  // namespace ferry::metrics
