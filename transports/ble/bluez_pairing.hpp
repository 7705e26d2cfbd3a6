// Brings devices to a bond by the passkey, where their product demands it: bluetoothd pairs, asks
// this for the passkey (Agent1 of BlueZ's doc/agent-api.txt), and keeps the bond. The mark of a
// bond that was made so is Device1's property Trusted, which bluetoothd keeps beside it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "transports/ble/bluez_objects.hpp"
#include "transports/ble/key_watch.hpp"
#include "transports/ble/pairing.hpp"
#include "transports/ble/system_bus.hpp"

namespace ferry::ble {

// On the loop's thread.
class BluezPairing {
 public:
  using Done = std::function<void(const PairingVerdict& verdict)>;

  // `passkey`: six digits. What is referred to must outlive it.
  BluezPairing(loop::Loop& loop, SystemBus& bus, const bluez::Objects& objects,
               const std::string& passkey);
  BluezPairing(const BluezPairing&) = delete;
  BluezPairing& operator=(const BluezPairing&) = delete;

  // The kernel's management socket; taken over. False, and it is closed: no room to watch it.
  bool watch_keys(int management) { return keys_.open(management); }
  bool watches_keys() const { return keys_.is_open(); }
  void close() { keys_.close(); }

  // Once for each connection to the bus, before enroll(). False: the bus does not take it.
  bool show();
  // bluetoothd, of that unique name on the bus, is there: from now on it may ask.
  void enroll(const std::string& daemon);

  // Pairs the device of that path, unless it has a bond that was made so. A bond that was made
  // otherwise is removed. `done` is called once, from the loop, unless the bus is closed before.
  void secure(const std::string& device, Done done);

  // For what D-Bus calls.
  int give_passkey(sd_bus_message* call);

 private:
  // Whether it has a bond that was made with the passkey.
  bool is_secured(const std::string& device) const;
  void pair(const std::string& device, Done done);
  void paired(const std::string& device, const SystemBus::Error& error, const Done& done);
  void remove(const std::string& device);
  void mark(const std::string& device, const Done& done);

  loop::Loop& loop_;
  SystemBus& bus_;
  const bluez::Objects& objects_;
  const std::uint32_t passkey_;
  KeyWatch keys_;
  std::string daemon_;                   // who may ask
  std::string trouble_;                  // why bluetoothd will not ask; "" it will
  std::map<std::string, bool> pairing_;  // devices; whether the passkey was asked for
};

}  // namespace ferry::ble
