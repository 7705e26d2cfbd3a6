// OpenMetrics 1.0, the text that Prometheus and its like read. Pure.
#pragma once

#include <string>
#include <string_view>

#include "agent/metrics/registry.hpp"

namespace ferry::metrics {

inline constexpr std::string_view open_metrics_type =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// The whole page, "# EOF" included. Families without a value are left out.
std::string to_open_metrics(const Snapshot& snapshot);

}  // namespace ferry::metrics
