#include "config/radio_values.hpp"

#include <algorithm>
#include <charconv>

#include "base/hex.hpp"

namespace ferry::config::values {
namespace {

using std::nullopt;
using std::optional;
using std::string;
using std::string_view;

constexpr std::size_t longest_data = 64;  // hex digits; an advertisement holds 31 bytes
constexpr int most_adapter = 255;
constexpr int weakest_signal = -127;

template <typename Fits>
optional<string> list_of(string_view text, Fits fits) {
  constexpr string_view separators = " \t,";
  for (auto rest = text;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(separators), rest.size()));
    if (rest.empty()) return string(text);
    const string_view word = rest.substr(0, rest.find_first_of(separators));
    if (!fits(word)) return nullopt;
    rest.remove_prefix(word.size());
  }
}

bool is_hex(string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return hex_value(c) >= 0; });
}

// `shape`: x for a hex digit, anything else for itself.
bool is_hex_with(string_view text, string_view shape) {
  if (text.size() != shape.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (shape[i] == 'x' ? hex_value(text[i]) < 0 : text[i] != shape[i]) return false;
  }
  return true;
}

optional<int> number(string_view text) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return nullopt;
  return value;
}

bool is_adapter(string_view text) {
  constexpr string_view prefix = "hci";
  if (!text.starts_with(prefix)) return false;
  const auto index = number(text.substr(prefix.size()));
  return index && *index >= 0 && *index <= most_adapter;
}

bool is_uuid(string_view text) {
  return is_hex_with(text, "xxxx") || is_hex_with(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}

}  // namespace

optional<string> Adapters::parse(string_view text) {
  return list_of(text, is_adapter);
}

optional<string> ServiceUuids::parse(string_view text) {
  return text == "any" ? string(text) : list_of(text, is_uuid);
}

optional<string> BluetoothAddresses::parse(string_view text) {
  return list_of(text, [](string_view word) { return is_hex_with(word, "xx:xx:xx:xx:xx:xx"); });
}

optional<string> CompanyNumber::parse(string_view text) {
  return is_hex_with(text, "xxxx") ? optional(string(text)) : nullopt;
}

optional<string> HexBytes::parse(string_view text) {
  const bool fine = text.size() % 2 == 0 && text.size() <= longest_data && is_hex(text);
  return fine ? optional(string(text)) : nullopt;
}

optional<string> RadioSignal::parse(string_view text) {
  const auto value = number(text);
  return value && *value >= weakest_signal && *value < 0 ? optional(string(text)) : nullopt;
}

optional<string> BluetoothDialect::parse(string_view text) {
  return text == "smp" || text == "pull" ? optional(string(text)) : nullopt;
}

optional<string> BluetoothBackend::parse(string_view text) {
  return text == "kernel" || text == "bluez" ? optional(string(text)) : nullopt;
}

optional<Pairing> PairingDemand::parse(string_view text) {
  if (text == "none") return Pairing::none;
  if (text == "passkey") return Pairing::passkey;
  return nullopt;
}

optional<string> BluetoothDeviceId::parse(string_view text) {
  return text == "address" || text == "info" ? optional(string(text)) : nullopt;
}

}  // namespace ferry::config::values
