#include "config/policy_values.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "config/parsing.hpp"
#include "config/values.hpp"

namespace ferry::config::values {
namespace {

using std::nullopt;
using std::optional;
using std::string_view;

constexpr std::size_t most_windows = 8;
constexpr std::size_t most_names = 64;
constexpr unsigned minutes_of_day = 24 * 60;

// "06:30"; 24:00 is the day's end.
optional<unsigned> minute_of_day(string_view text) {
  if (text.size() != 5 || text[2] != ':') return nullopt;
  const auto hours = between(text.substr(0, 2), 0, 24);
  const auto minutes = between(text.substr(3), 0, 59);
  if (!hours || !minutes) return nullopt;
  const auto minute = static_cast<unsigned>(*hours * 60 + *minutes);
  return minute <= minutes_of_day ? optional(minute) : nullopt;
}

optional<DayWindow> window(string_view text) {
  const auto dash = text.find('-');
  if (dash == string_view::npos) return nullopt;
  const auto from = minute_of_day(text.substr(0, dash));
  const auto until = minute_of_day(text.substr(dash + 1));
  if (!from || !until || *from == *until || *from == minutes_of_day) return nullopt;
  return DayWindow{*from, *until};
}

}  // namespace

string_view trimmed(string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

optional<std::vector<DayWindow>> Windows::parse(string_view text) {
  std::vector<DayWindow> windows;
  for (;;) {
    const auto comma = std::min(text.find(','), text.size());
    const auto one = window(trimmed(text.substr(0, comma)));
    if (!one || windows.size() == most_windows) return nullopt;
    windows.push_back(*one);
    if (comma == text.size()) return windows;
    text.remove_prefix(comma + 1);
  }
}

optional<Budget> Allowance::parse(string_view text) {
  constexpr std::array<std::pair<string_view, Period>, 3> periods = {
      {{"day", Period::day}, {"week", Period::week}, {"month", Period::month}}};
  const auto slash = text.find('/');
  if (slash == string_view::npos) return nullopt;
  const auto bytes = Size::parse(text.substr(0, slash));
  if (!bytes || *bytes == 0) return nullopt;
  for (const auto& [name, period] : periods) {
    if (text.substr(slash + 1) == name) return Budget{*bytes, period};
  }
  return nullopt;
}

optional<std::vector<std::string>> Names::parse(string_view text) {
  std::vector<std::string> names;
  for (;;) {
    const auto comma = std::min(text.find(','), text.size());
    const auto one = Name::parse(trimmed(text.substr(0, comma)));
    if (!one || names.size() == most_names) return nullopt;
    if (std::find(names.begin(), names.end(), *one) != names.end()) return nullopt;
    names.push_back(*one);
    if (comma == text.size()) return names;
    text.remove_prefix(comma + 1);
  }
}

optional<std::string> NameList::parse(string_view text) {
  const auto names = Names::parse(text);
  if (!names) return nullopt;
  std::string list;
  for (const std::string& name : *names) list += (list.empty() ? "" : ",") + name;
  return list;
}

optional<std::vector<std::string>> MeteredLinks::parse(string_view text) {
  auto names = Names::parse(text);
  if (!names || names->size() == 1) return names;
  const bool mixed = std::find(names->begin(), names->end(), network_manager) != names->end();
  return mixed ? nullopt : names;
}

optional<unsigned> Priority::parse(string_view text) {
  const auto number = Percent::parse(text);
  return number ? optional(static_cast<unsigned>(*number)) : nullopt;
}

optional<std::uint64_t> Percent::parse(string_view text) {
  return between(text, 0, 100);
}

optional<std::uint64_t> Share::parse(string_view text) {
  return between(text, 1, 100);
}

optional<int> Signal::parse(string_view text) {
  if (text == "0") return 0;
  if (!text.starts_with('-')) return nullopt;
  const auto below = between(text.substr(1), 1, 150);
  return below ? optional(-static_cast<int>(*below)) : nullopt;
}

optional<std::uint64_t> Limit::parse(string_view text) {
  return between(text, 0, 10'000'000);
}

optional<std::uint64_t> Attempts::parse(string_view text) {
  return between(text, 1, 1000);
}

optional<std::string> Loopback::parse(string_view text) {
  if (!text.starts_with("127.") && !text.starts_with("[::1]:")) return nullopt;
  return Endpoint::parse(text);
}

optional<bool> Discovery::parse(string_view text) {
  if (text == "none") return false;
  if (text == "homeassistant") return true;
  return nullopt;
}

optional<InstallWhen> Install::parse(string_view text) {
  if (text == "at-once") return InstallWhen::at_once;
  if (text == "on-command") return InstallWhen::on_command;
  return nullopt;
}

optional<ConfirmedBy> Confirm::parse(string_view text) {
  if (text == "gateway") return ConfirmedBy::gateway;
  if (text == "device") return ConfirmedBy::device;
  return nullopt;
}

}  // namespace ferry::config::values
