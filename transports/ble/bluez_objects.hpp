// What bluetoothd shows of itself on the system bus (BlueZ's doc/adapter-api.txt, device-api.txt
// and gatt-api.txt): objects by path, each with interfaces and their properties, as far as they
// matter here. Pure, single-threaded.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "transports/ble/advertisement.hpp"
#include "transports/ble/radio.hpp"

namespace ferry::ble::bluez {

inline const std::string daemon_name = "org.bluez";
inline constexpr const char* adapter_interface = "org.bluez.Adapter1";
inline constexpr const char* device_interface = "org.bluez.Device1";
inline constexpr const char* service_interface = "org.bluez.GattService1";
inline constexpr const char* characteristic_interface = "org.bluez.GattCharacteristic1";

using CompanyData = std::map<std::uint16_t, std::string>;
using Value = std::variant<bool, std::int64_t, std::string, std::vector<std::string>, CompanyData>;
using Properties = std::map<std::string, Value, std::less<>>;

class Objects {
 public:
  // Adds an interface, or what changed of it.
  void put(const std::string& path, const std::string& interface, Properties properties);
  void remove(const std::string& path, const std::string& interface);
  void clear() { objects_.clear(); }

  // Null when there is none, or another type.
  template <typename Type>
  const Type* find(const std::string& path, const std::string& interface,
                   std::string_view name) const {
    const Properties* properties = interface_of(path, interface);
    if (properties == nullptr) return nullptr;
    const auto found = properties->find(name);
    return found == properties->end() ? nullptr : std::get_if<Type>(&found->second);
  }
  bool is(const std::string& path, const std::string& interface, std::string_view name) const {
    const bool* value = find<bool>(path, interface, name);
    return value != nullptr && *value;
  }

  // Number and path of every adapter.
  std::map<AdapterNumber, std::string> adapters() const;
  // The device's path below an adapter; "" none.
  std::string device(const std::string& adapter, const Address& address) const;
  // What a device says of itself over the air. Nothing of what is no device, or out of reach.
  std::optional<Advertisement> heard(const std::string& path) const;
  // The characteristic's path below a device; "" none.
  std::string characteristic(const std::string& device, const Uuid& service,
                             const Uuid& characteristic) const;

 private:
  using Interfaces = std::map<std::string, Properties, std::less<>>;

  const Properties* interface_of(const std::string& path, const std::string& interface) const;

  std::map<std::string, Interfaces, std::less<>> objects_;
};

// "/org/bluez/hci0/dev_00_AA_01_00_00_42": its address, of whichever kind.
std::optional<Address> device_address(std::string_view path);
// "/org/bluez/hci3" and all below it: 3.
std::optional<AdapterNumber> adapter_number(std::string_view path);

}  // namespace ferry::ble::bluez
