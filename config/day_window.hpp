// Parts of the day, as settings name them. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "config/settings.hpp"

namespace ferry::config {

// The time of the day outside all windows: how long until the next one opens. Nothing inside one,
// or when there are none.
std::optional<Duration> until_window(const std::vector<DayWindow>& windows, Duration time_of_day);
// "22:00-06:00, 12:00-13:00"
std::string to_text(const std::vector<DayWindow>& windows);

}  // namespace ferry::config
