// The types of values that settings of radios have; see values.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace ferry::config::values {

struct Adapters {
  static constexpr std::string_view noun = "names like hci0, separated by blanks or commas";
  static std::optional<std::string> parse(std::string_view text);
};

struct ServiceUuids {
  static constexpr std::string_view noun =
      "UUIDs, or numbers of four hex digits, separated by blanks or commas; or any";
  static std::optional<std::string> parse(std::string_view text);
};

struct BluetoothAddresses {
  static constexpr std::string_view noun =
      "addresses like C0:11:22:33:44:55, separated by blanks or commas";
  static std::optional<std::string> parse(std::string_view text);
};

// A company's number, as the Bluetooth SIG assigns them.
struct CompanyNumber {
  static constexpr std::string_view noun = "a number of four hex digits, like 0059";
  static std::optional<std::string> parse(std::string_view text);
};

struct HexBytes {
  static constexpr std::string_view noun = "an even number of hex digits, at most 64";
  static std::optional<std::string> parse(std::string_view text);
};

// dBm.
struct RadioSignal {
  static constexpr std::string_view noun = "a signal in dBm from -127 to -1";
  static std::optional<std::string> parse(std::string_view text);
};

struct BluetoothDialect {
  static constexpr std::string_view noun = "one of smp, pull";
  static std::optional<std::string> parse(std::string_view text);
};

struct BluetoothBackend {
  static constexpr std::string_view noun = "one of kernel, bluez";
  static std::optional<std::string> parse(std::string_view text);
};

struct PairingDemand {
  static constexpr std::string_view noun = "one of none, passkey";
  static std::optional<Pairing> parse(std::string_view text);
};

struct BluetoothDeviceId {
  static constexpr std::string_view noun = "one of address, info";
  static std::optional<std::string> parse(std::string_view text);
};

}  // namespace ferry::config::values
