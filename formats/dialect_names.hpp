// The names of the dialects, in the one place where they stand: settings check them, dialects
// answer to them.
#pragma once

#include <algorithm>
#include <string_view>

namespace ferry::formats {

// As a person is told what a dialect may be.
inline constexpr std::string_view one_of_dialects =
    "one of plain, pycom, esp32-json, chunked, quecpython, http-update, tasmota, esp-idf, esphome, "
    "json";
// The names alone, separated by ", ".
inline constexpr std::string_view dialect_names = one_of_dialects.substr(7);

// Whether `name` is in a list of names that are separated by ", ".
constexpr bool is_listed(std::string_view list, std::string_view name) {
  for (;;) {
    const std::size_t end = std::min(list.find(", "), list.size());
    if (list.substr(0, end) == name) return true;
    if (end == list.size()) return false;
    list.remove_prefix(end + 2);
  }
}

}  // namespace ferry::formats
