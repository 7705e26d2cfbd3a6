#include "ctl/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ferry::ctl {
namespace {

constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};

struct Unit {
  std::int64_t seconds;
  const char* name;
};
constexpr std::array time_units{Unit{86400, "d"}, Unit{3600, "h"}, Unit{60, "min"}, Unit{1, "s"}};

std::int64_t seconds_of(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

// The number in text[at, at + digits), or nothing.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

std::string human_size(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 1023.95 would be written as 1024.0 of the smaller unit.
  while (value >= 1023.95 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string human_rate(double bytes_per_second) {
  return human_size(static_cast<std::uint64_t>(std::clamp(bytes_per_second, 0.0, 1e15))) + "/s";
}

std::string human_duration(Duration duration) {
  const std::int64_t seconds = std::max<std::int64_t>(seconds_of(duration), 0);
  for (std::size_t i = 0; i + 1 < time_units.size(); ++i) {
    const Unit& large = time_units[i];
    const Unit& small = time_units[i + 1];
    if (seconds < large.seconds) continue;
    return fmt::format("{} {} {:02} {}", seconds / large.seconds, large.name,
                       seconds % large.seconds / small.seconds, small.name);
  }
  return fmt::format("{} s", seconds);
}

std::string relative_time(Time then, Time now) {
  const bool past = then <= now;
  const std::int64_t seconds = seconds_of(past ? now - then : then - now);
  if (seconds < 2) return past ? "just now" : "now";
  const auto* const unit =
      std::find_if(time_units.begin(), time_units.end(),
                   [&](const Unit& candidate) { return seconds >= candidate.seconds; });
  const std::string amount = fmt::format("{} {}", seconds / unit->seconds, unit->name);
  return past ? amount + " ago" : "in " + amount;
}

std::string percent(std::uint64_t done, std::uint64_t total) {
  if (done >= total) return "100%";
  const double share = static_cast<double>(done) / static_cast<double>(total);
  return fmt::format("{}%", std::min(static_cast<int>(share * 100), 99));
}

std::optional<Time> parse_time(std::string_view text) {
  constexpr std::string_view form = "0000-00-00T00:00:00Z";
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '0' && form[i] != text[i]) return std::nullopt;
  }
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

std::string printable(std::string_view text) {
  std::string safe;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0U;
    // U+0080..U+009F are control characters to a terminal as well.
    const bool second_set = byte == 0xc2 && next >= 0x80 && next < 0xa0;
    if (second_set) ++at;
    safe.push_back(byte < 0x20 || byte == 0x7f || second_set ? '?' : static_cast<char>(byte));
  }
  return safe;
}

}  // namespace ferry::ctl
