#include "agent/source/thrift.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "agent/source/network_manager.hpp"
#include "base/file.hpp"
#include "base/local_time.hpp"
#include "config/day_window.hpp"

namespace ferry::source {
namespace {

constexpr std::uint64_t route_table_limit = 1U << 20U;  // bytes
constexpr std::string_view all_of_ipv6 = "00000000000000000000000000000000";
constexpr unsigned route_is_up = 1;  // RTF_UP
// A budget that is used up is exceeded by looks for urgent releases, but not by many.
constexpr Duration between_looks = std::chrono::hours(1);
constexpr unsigned route_rejects = 0x200;  // RTF_REJECT

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == line.npos) return words;
    const auto end = std::min(line.find_first_of(" \t", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

std::uint64_t number(std::string_view text, int base) {
  std::uint64_t value = std::numeric_limits<std::uint64_t>::max();
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

struct DefaultRoute {
  std::string interface;
  std::uint64_t metric = std::numeric_limits<std::uint64_t>::max();

  void offer(std::string_view name, std::uint64_t flags, std::uint64_t its_metric) {
    if ((flags & route_is_up) == 0 || (flags & route_rejects) != 0 || name == "lo") return;
    if (!interface.empty() && its_metric >= metric) return;
    interface = name;
    metric = its_metric;
  }
};

template <typename Take>
void each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    take(words_of(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string read_table(const char* path) {
  return read_file(path, route_table_limit).value_or("");
}

}  // namespace

PeriodSpan span_of(config::Period period, Time now) {
  using std::chrono::days;
  using std::chrono::months;
  const auto day = std::chrono::floor<days>(now);
  if (period == config::Period::day) return {day, day + days(1)};
  if (period == config::Period::week) {
    const auto monday = day - (std::chrono::weekday(day) - std::chrono::Monday);
    return {monday, monday + days(7)};
  }
  const std::chrono::year_month_day date(day);
  const auto first = date.year() / date.month() / 1;
  return {std::chrono::sys_days(first), std::chrono::sys_days(first + months(1))};
}

std::string default_interface(std::string_view route, std::string_view ipv6_route) {
  DefaultRoute found;
  // Iface Destination Gateway Flags RefCnt Use Metric Mask …
  each_line(route, [&](const std::vector<std::string_view>& words) {
    if (words.size() < 8 || words[1] != "00000000" || words[7] != "00000000") return;
    found.offer(words[0], number(words[3], 16), number(words[6], 10));
  });
  if (!found.interface.empty()) return found.interface;
  // destination prefix source prefix next-hop metric references use flags device
  each_line(ipv6_route, [&](const std::vector<std::string_view>& words) {
    if (words.size() < 10 || words[0] != all_of_ipv6 || words[1] != "00") return;
    found.offer(words[9], number(words[8], 16), number(words[5], 16));
  });
  return found.interface;
}

bool Thrift::is_metered() const {
  const auto& metered = settings_.metered;
  if (metered.empty()) return true;
  if (metered.front() == config::network_manager) {
    return network_manager_says_metered().value_or(true);
  }
  const std::string now = default_interface(read_table("/proc/self/net/route"),
                                            read_table("/proc/self/net/ipv6_route"));
  return std::find(metered.begin(), metered.end(), now) != metered.end();
}

std::optional<BudgetUse> Thrift::use() const {
  if (!settings_.budget) return std::nullopt;
  const PeriodSpan span = span_of(settings_.budget->period, context_.time.now());
  const storage::SourceState state = ledger_.state();
  return BudgetUse{settings_.budget->bytes,
                   span.begin > state.period_begin ? 0 : state.period_bytes, span.end};
}

std::optional<std::string> Thrift::held(Purpose purpose) const {
  const bool free = settings_.window.empty() && !settings_.budget;
  if (free || !is_metered()) return std::nullopt;
  if (auto why = held_where_metered(purpose)) return why;
  if (purpose != Purpose::look) return std::nullopt;
  const Time last = ledger_.state().last_attempt;
  const Time now = context_.clock.now();
  const bool lately = last <= now && now - last < between_looks;
  return lately ? held_where_metered(Purpose::release) : std::nullopt;
}

std::optional<std::string> Thrift::held_where_metered(Purpose purpose) const {
  if (!settings_.window.empty()) {
    const std::string why = "waits: window " + config::to_text(settings_.window);
    const auto time = time_of_day(context_.clock.now());
    if (!time) return why + ", the clock is not set";
    if (config::until_window(settings_.window, *time)) return why;
  }
  const auto budget = may_exceed(purpose) ? std::nullopt : use();
  if (!budget || budget->used < budget->bytes) return std::nullopt;
  return fmt::format("waits: the budget of {} bytes is used up until {}", budget->bytes,
                     to_rfc3339(budget->until));
}

Result<std::uint64_t> Thrift::admit() {
  metered_ = is_metered();
  if (!metered_) return 0;
  if (const auto why = held_where_metered(purpose_)) return fail(ErrorCode::unavailable, *why);
  return settings_.rate;
}

Status Thrift::received(std::size_t bytes) {
  if (purpose_ != Purpose::look) {
    const std::string first = context_.turns.first_before(settings_.priority);
    if (!first.empty()) return fail(ErrorCode::unavailable, "gives way to source " + first);
  }
  if (!metered_) return {};
  if (settings_.budget) {
    ledger_.spent(span_of(settings_.budget->period, context_.time.now()).begin, bytes);
  }
  if (const auto why = held_where_metered(purpose_)) return fail(ErrorCode::unavailable, *why);
  return {};
}

}  // namespace ferry::source
