// Ferry's service (gatt_server.hpp) by way of bluetoothd, which asks for what it shows to devices
// by D-Bus: GattService1, GattCharacteristic1 and LEAdvertisement1 (BlueZ's doc/gatt-api.txt and
// advertising-api.txt). bluetoothd notifies whoever has subscribed, so one device at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "transports/ble/bluez_objects.hpp"
#include "transports/ble/system_bus.hpp"

namespace ferry::ble {

// On the loop's thread.
class BluezService {
 public:
  // As RadioEvents::written().
  using Written = std::function<bool(const Address& device, std::size_t mtu, Bytes piece)>;
  using Done = std::function<void(const std::string& error)>;

  BluezService(SystemBus& bus, Written written);
  BluezService(const BluezService&) = delete;
  BluezService& operator=(const BluezService&) = delete;

  void set_channel(std::uint16_t psm) { psm_ = psm; }
  // Once for each connection to the bus, before offer(). False: the bus does not take it.
  bool show();
  // Has an adapter, by its path, serve and advertise it.
  void offer(const std::string& adapter, Done done);
  void notify(std::string_view piece);

  // For what D-Bus calls.
  int write(sd_bus_message* call);
  int read_channel(sd_bus_message* call) const;

 private:
  void advertise(const std::string& adapter, Done done);

  SystemBus& bus_;
  Written written_;
  std::uint16_t psm_ = 0;
};

}  // namespace ferry::ble
