// The types of values that say who is woken, and by what; as config/values.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace ferry::config {

// Whether the network behind the template can call a device so.
bool is_wake_name(WakeTemplate wake_template, std::string_view name);
// What such a name is, for people.
std::string_view wake_name_noun(WakeTemplate wake_template);

namespace values {

struct Waking {
  static constexpr std::string_view noun = "one of chirpstack, ttn, url-md5";
  static std::optional<WakeTemplate> parse(std::string_view text);
};

// At most 128 devices, each once, and no two by one name. Without "= name" the device's id is it.
struct WokenDevices {
  static constexpr std::string_view noun =
      "a list of at most 128 devices like meter-7 = 70b3d57ed0008cd6, by comma";
  static std::optional<std::vector<WokenDevice>> parse(std::string_view text);
};

// Given back as the bytes themselves.
struct DownlinkBytes {
  static constexpr std::string_view noun = "1 to 242 bytes as pairs of hex digits";
  static std::optional<std::string> parse(std::string_view text);
};

struct DownlinkPort {
  static constexpr std::string_view noun = "a number from 1 to 223";
  static std::optional<unsigned> parse(std::string_view text);
};

// A topic in which {application}, {tenant} and {name} stand for what they say.
struct TopicPattern {
  static constexpr std::string_view noun =
      "a topic (names with '/' between) with {name}, and perhaps {application} and {tenant}";
  static std::optional<std::string> parse(std::string_view text);
};

// Wake-ups to one device in a day.
struct PerDay {
  static constexpr std::string_view noun = "a number from 1 to 100";
  static std::optional<std::uint64_t> parse(std::string_view text);
};

// Wake-ups of the gateway in an hour.
struct PerHour {
  static constexpr std::string_view noun = "a number from 1 to 3600";
  static std::optional<std::uint64_t> parse(std::string_view text);
};

}  // namespace values
}  // namespace ferry::config
