// Packets of the kernel's Bluetooth management socket (BlueZ's doc/mgmt-api.txt), as far as
// scanning and switching an adapter on need them. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "transports/ble/advertisement.hpp"
#include "transports/ble/pairing.hpp"

namespace ferry::ble::mgmt {

inline constexpr std::uint16_t no_adapter = 0xFFFF;  // packets that are about none
inline constexpr std::size_t longest = 64U << 10U;   // of a packet

namespace command {
inline constexpr std::uint16_t adapters = 0x0003;
inline constexpr std::uint16_t adapter_info = 0x0004;
inline constexpr std::uint16_t set_powered = 0x0005;
inline constexpr std::uint16_t set_low_energy = 0x000D;
inline constexpr std::uint16_t start_discovery = 0x0023;
inline constexpr std::uint16_t stop_discovery = 0x0024;
inline constexpr std::uint16_t add_advertising = 0x003E;
inline constexpr std::uint16_t remove_advertising = 0x003F;
}  // namespace command

namespace setting {
inline constexpr std::uint32_t powered = 1U << 0U;
inline constexpr std::uint32_t low_energy = 1U << 9U;
}  // namespace setting

namespace status {
inline constexpr std::uint8_t busy = 0x0A;
}  // namespace status

// What came. `adapter` is the number in hci0, hci1, ….
struct Done {  // a command was carried out, or refused
  std::uint16_t command = 0;
  std::uint8_t status = 0;                // 0: well
  std::vector<std::uint16_t> adapters;    // of command::adapters
  std::optional<std::uint32_t> settings;  // of the commands that tell them
  std::optional<Address> address;         // of command::adapter_info
};
struct AdapterCame {};
struct AdapterWent {};
struct Discovering {
  bool on = false;
};
struct Found {
  Advertisement advertisement;
};
struct NewKey {  // a device was paired
  Address device;
  KeyKind kind = KeyKind::unauthenticated;
};
struct Settings {  // an adapter's, after a change by anybody
  std::uint32_t settings = 0;
};
struct Other {};
struct Event {
  std::uint16_t adapter = no_adapter;
  std::variant<Done, AdapterCame, AdapterWent, Settings, Discovering, Found, NewKey, Other> what;
};

// Nothing of what is cut short.
std::optional<Event> parse(Bytes packet);

std::string ask_adapters();
std::string ask_info(std::uint16_t adapter);
std::string set_powered(std::uint16_t adapter, bool on);
std::string set_low_energy(std::uint16_t adapter, bool on);
// Both kinds of addresses; the kernel ends it by itself after some ten seconds.
std::string start_discovery(std::uint16_t adapter);
std::string stop_discovery(std::uint16_t adapter);

// Says to everybody, until it is removed, that devices may connect to this service here. One for
// each adapter; another takes its place.
std::string add_advertising(std::uint16_t adapter, const Uuid& service);
std::string remove_advertising(std::uint16_t adapter);

std::string describe(std::uint8_t status);

}  // namespace ferry::ble::mgmt
