#include "config/day_window.hpp"

#include <fmt/format.h>

namespace ferry::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

bool contains(const DayWindow& window, Duration time) {
  const Duration from = minutes(window.from);
  const Duration until = minutes(window.until);
  if (from < until) return time >= from && time < until;
  return time >= from || time < until;
}

}  // namespace

std::string to_text(const std::vector<DayWindow>& windows) {
  std::string text;
  for (const auto& window : windows) {
    text += fmt::format("{}{:02}:{:02}-{:02}:{:02}", text.empty() ? "" : ", ", window.from / 60,
                        window.from % 60, window.until / 60, window.until % 60);
  }
  return text;
}

std::optional<Duration> until_window(const std::vector<DayWindow>& windows, Duration time_of_day) {
  std::optional<Duration> soonest;
  for (const auto& window : windows) {
    if (contains(window, time_of_day)) return std::nullopt;
    Duration left = Duration(minutes(window.from)) - time_of_day;
    if (left < Duration(0)) left += hours(24);
    if (!soonest || left < *soonest) soonest = left;
  }
  return soonest;
}

}  // namespace ferry::config
