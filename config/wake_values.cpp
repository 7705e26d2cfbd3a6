#include "config/wake_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "config/parsing.hpp"
#include "config/policy_values.hpp"
#include "config/values.hpp"

namespace ferry::config {
namespace {

constexpr std::array<std::string_view, 3> templates = {"chirpstack", "ttn", "url-md5"};

constexpr std::size_t eui_digits = 16;
constexpr std::size_t shortest_ttn_id = 3;
constexpr std::size_t longest_ttn_id = 36;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Lower-case letters, digits, and single dashes between them.
bool is_ttn_id(std::string_view name) {
  if (name.size() < shortest_ttn_id || name.size() > longest_ttn_id) return false;
  char before = '-';
  for (const char c : name) {
    const bool dash = c == '-';
    if (!dash && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) return false;
    if (dash && before == '-') return false;
    before = c;
  }
  return before != '-';
}

}  // namespace

bool is_wake_name(WakeTemplate wake_template, std::string_view name) {
  switch (wake_template) {
    case WakeTemplate::chirpstack:
      return name.size() == eui_digits && std::all_of(name.begin(), name.end(), is_hex);
    case WakeTemplate::ttn:
      return is_ttn_id(name);
    case WakeTemplate::url_md5:
      return values::TopicPart::parse(name).has_value();
  }
  return false;
}

std::string_view wake_name_noun(WakeTemplate wake_template) {
  switch (wake_template) {
    case WakeTemplate::chirpstack:
      return "a devEUI (16 hex digits)";
    case WakeTemplate::ttn:
      return "a device id of The Things Stack (3 to 36 of a-z, 0-9, single dashes between)";
    case WakeTemplate::url_md5:
      break;
  }
  return values::TopicPart::noun;
}

std::string_view to_string(WakeTemplate wake_template) {
  return templates.at(static_cast<std::size_t>(wake_template));
}

namespace values {
namespace {

using std::nullopt;
using std::optional;
using std::string_view;

constexpr std::size_t most_devices = 128;
constexpr std::size_t longest_payload = 242;  // LoRaWAN's, at its fastest
constexpr std::size_t longest_topic = 200;

// "device = name" or "name".
optional<WokenDevice> one_device(string_view text) {
  const auto equals = std::min(text.find('='), text.size());
  const string_view device = trimmed(text.substr(0, equals));
  const string_view name = equals == text.size() ? device : trimmed(text.substr(equals + 1));
  const auto part = TopicPart::parse(name);
  if (!is_device(device) || !part) return nullopt;
  return WokenDevice{std::string(device), *part};
}

}  // namespace

optional<WakeTemplate> Waking::parse(string_view text) {
  const auto* const found = std::find(templates.begin(), templates.end(), text);
  if (found == templates.end()) return nullopt;
  return static_cast<WakeTemplate>(found - templates.begin());
}

optional<std::vector<WokenDevice>> WokenDevices::parse(string_view text) {
  std::vector<WokenDevice> devices;
  std::set<std::string> known;
  std::set<std::string> names;
  for (;;) {
    const auto comma = std::min(text.find(','), text.size());
    const auto one = one_device(text.substr(0, comma));
    if (!one || devices.size() == most_devices) return nullopt;
    if (!known.insert(one->device).second || !names.insert(one->name).second) return nullopt;
    devices.push_back(*one);
    if (comma == text.size()) return devices;
    text.remove_prefix(comma + 1);
  }
}

optional<std::string> DownlinkBytes::parse(string_view text) {
  if (text.empty() || text.size() % 2 != 0 || text.size() > 2 * longest_payload) return nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const string_view pair = text.substr(i, 2);
    const auto [end, error] = std::from_chars(pair.data(), pair.data() + 2, value, 16);
    if (error != std::errc() || end != pair.data() + 2) return nullopt;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

optional<unsigned> DownlinkPort::parse(string_view text) {
  const auto port = between(text, 1, 223);
  return port ? optional(static_cast<unsigned>(*port)) : nullopt;
}

optional<std::string> TopicPattern::parse(string_view text) {
  if (text.size() > longest_topic || text.find("{name}") == string_view::npos) return nullopt;
  std::string plain(text);
  for (const string_view known : {"{application}", "{tenant}", "{name}"}) {
    for (auto at = plain.find(known); at != std::string::npos; at = plain.find(known)) {
      plain.replace(at, known.size(), "x");
    }
  }
  // '@' stands between application and tenant at The Things Stack.
  std::replace(plain.begin(), plain.end(), '@', 'x');
  return Topic::parse(plain) ? optional(std::string(text)) : nullopt;
}

optional<std::uint64_t> PerDay::parse(string_view text) {
  return between(text, 1, 100);
}

optional<std::uint64_t> PerHour::parse(string_view text) {
  return between(text, 1, 3600);
}

}  // namespace values
}  // namespace ferry::config
