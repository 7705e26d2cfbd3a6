// The time of the day where the gateway is, for what people say as "22:00-05:00".
#pragma once

#include <optional>

#include "base/clock.hpp"

namespace ferry {

// 2024-01-01: a clock that reads less was not set since power came.
inline constexpr Time clock_was_set{Duration(1704067200000)};

// Since midnight in local time; nothing while the clock is not set.
std::optional<Duration> time_of_day(Time now);

}  // namespace ferry
