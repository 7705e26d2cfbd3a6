// What a device says of itself over the air before anybody connects, and whether it is one of ours.
// Pure, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/result.hpp"
#include "transports/ble/uuid.hpp"

namespace ferry::ble {

enum class AddressKind : std::uint8_t { public_address = 1, random_address = 2 };  // as mgmt names

struct Address {
  std::array<std::uint8_t, 6> bytes{};  // the least significant first, as on the wire
  AddressKind kind = AddressKind::public_address;

  bool operator==(const Address&) const = default;
  auto operator<=>(const Address& other) const {
    return std::tie(bytes, kind) <=> std::tie(other.bytes, other.kind);
  }
};
// "00:AA:01:00:00:42".
std::string to_string(const Address& address);
// Of either kind; public unless told otherwise.
std::optional<Address> parse_address(std::string_view text);

struct Advertisement {
  Address address;
  int signal = 0;  // dBm; 0 unknown
  bool connectable = true;
  std::string name;  // whole or shortened; "" none
  std::vector<Uuid> services;
  std::optional<std::uint16_t> company;  // of the manufacturer's data
  std::string manufacturer_data;         // raw, behind the company
};

// Advertising data structures (Core 5.3, volume 3, part C, 11; Supplement, part A). Whatever is cut
// short, or of no use here, is left out: anybody within reach may send anything.
void read_advertising_data(Bytes data, Advertisement& into);

// All that is set must fit.
struct Filter {
  std::vector<Uuid> services;  // advertises at least one of them
  std::string name;            // with * for anything
  std::optional<std::uint16_t> company;
  std::string manufacturer_data;                       // raw; what it begins with
  std::vector<std::array<std::uint8_t, 6>> addresses;  // is one of them
  std::optional<int> least_signal;                     // dBm; an unknown signal fits
};
bool fits(const Filter& filter, const Advertisement& advertisement);
// "*" stands for any number of characters.
bool fits_pattern(std::string_view pattern, std::string_view text);

}  // namespace ferry::ble
