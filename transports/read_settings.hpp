// How plugins read the keys of their section. The agent has checked types already; a plugin that is
// given something else all the same says which key is wrong and what it should be, and does not
// start. All: ErrorCode::invalid; a key that is not there, or empty, leaves the value as it is.
#pragma once

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "transports/transport.hpp"

namespace ferry::plugin {

inline Status wrong_setting(const char* key, std::string_view text, std::string_view what) {
  return fail(ErrorCode::invalid, fmt::format("{}: '{}' is not {}", key, text, what));
}

// False unless the whole text is a number.
template <typename Number>
bool parse_number(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

// A number above 0.
template <typename Number>
Status read_number(const Host& host, const char* key, const char* what, Number& number) {
  const std::string text = host.setting(key).value_or("");
  if (text.empty() || (parse_number(text, number) && number != 0)) return {};
  return wrong_setting(key, text, what);
}

inline Status read_time(const Host& host, const char* key, Duration& time) {
  auto milliseconds = static_cast<std::uint32_t>(time.count());
  Status read = read_number(host, key, "a number of milliseconds", milliseconds);
  if (read) time = Duration(milliseconds);
  return read;
}

// The names of a key's values, and what each means.
template <typename Value, std::size_t Count>
using Choices = std::array<std::pair<const char*, Value>, Count>;

template <typename Value, std::size_t Count>
Status read_choice(const Host& host, const char* key, const Choices<Value, Count>& choices,
                   Value& value) {
  const std::string text = host.setting(key).value_or("");
  if (text.empty()) return {};
  std::string all;
  for (const auto& [name, meaning] : choices) {
    if (text == name) {
      value = meaning;
      return {};
    }
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  return wrong_setting(key, text, "one of " + all);
}

}  // namespace ferry::plugin
