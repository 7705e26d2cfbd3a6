// Values as people read them: sizes, rates, durations, ages. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace ferry::ctl {

// "0 B", "900 B", "1.5 KiB", "64.0 MiB"
std::string human_size(std::uint64_t bytes);
std::string human_rate(double bytes_per_second);  // "1.2 MiB/s"
// "42 s", "3 min 20 s", "2 h 05 min", "4 d 03 h"
std::string human_duration(Duration duration);
// "just now", "42 s ago", "3 min ago", "in 5 min": one unit, cut off.
std::string relative_time(Time then, Time now);
// "43%"; 100% only when all is there.
std::string percent(std::uint64_t done, std::uint64_t total);
// "2026-11-21T08:15:00Z", the form of the API; nothing for anything else.
std::optional<Time> parse_time(std::string_view text);
// What devices and sources say, made safe for a terminal: control characters become '?'.
std::string printable(std::string_view text);

}  // namespace ferry::ctl
