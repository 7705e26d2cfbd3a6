// The types of values that say when and how a product's devices are told; as config/values.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace ferry::config::values {

// Without spaces around it.
std::string_view trimmed(std::string_view text);

// At most 8 times of the day.
struct Windows {
  static constexpr std::string_view noun = "times of the day like 22:00-06:00, several by comma";
  static std::optional<std::vector<DayWindow>> parse(std::string_view text);
};

struct Allowance {
  static constexpr std::string_view noun = "a size for each day, week or month like 500M/month";
  static std::optional<Budget> parse(std::string_view text);
};

// At most 64 names, each once.
struct Names {
  static constexpr std::string_view noun = "names, several by comma";
  static std::optional<std::vector<std::string>> parse(std::string_view text);
};

// Names as one text without blanks, as a plugin is handed them.
struct NameList {
  static constexpr std::string_view noun = Names::noun;
  static std::optional<std::string> parse(std::string_view text);
};

struct MeteredLinks {
  static constexpr std::string_view noun = "names of interfaces, or network-manager alone";
  static std::optional<std::vector<std::string>> parse(std::string_view text);
};

// Of a source among others; the higher goes first.
struct Priority {
  static constexpr std::string_view noun = "a number from 0 to 100";
  static std::optional<unsigned> parse(std::string_view text);
};

// Where nobody but this machine's own programs can connect to.
struct Loopback {
  static constexpr std::string_view noun = "an address:port of 127.0.0.0/8 or [::1]";
  static std::optional<std::string> parse(std::string_view text);
};

// Whether Home Assistant is told of the gateway and its devices.
struct Discovery {
  static constexpr std::string_view noun = "one of none, homeassistant";
  static std::optional<bool> parse(std::string_view text);
};

struct Percent {
  static constexpr std::string_view noun = "a number from 0 to 100";
  static std::optional<std::uint64_t> parse(std::string_view text);
};

struct Share {
  static constexpr std::string_view noun = "a number from 1 to 100";
  static std::optional<std::uint64_t> parse(std::string_view text);
};

struct Signal {
  static constexpr std::string_view noun = "a signal in dBm from -150 to -1, or 0";
  static std::optional<int> parse(std::string_view text);
};

struct Limit {
  static constexpr std::string_view noun = "a number from 0 to 10000000";
  static std::optional<std::uint64_t> parse(std::string_view text);
};

struct Attempts {
  static constexpr std::string_view noun = "a number from 1 to 1000";
  static std::optional<std::uint64_t> parse(std::string_view text);
};

struct Install {
  static constexpr std::string_view noun = "one of at-once, on-command";
  static std::optional<InstallWhen> parse(std::string_view text);
};

struct Confirm {
  static constexpr std::string_view noun = "one of gateway, device";
  static std::optional<ConfirmedBy> parse(std::string_view text);
};

}  // namespace ferry::config::values
