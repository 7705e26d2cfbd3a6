// The radio by way of bluetoothd and the system's bus, for gateways where it has the adapters:
// Adapter1, Device1 and GattCharacteristic1 of BlueZ's D-Bus API.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "transports/ble/bluez_link.hpp"
#include "transports/ble/bluez_service.hpp"

namespace ferry::ble {

// On the loop's thread.
class BluezRadio final : public Radio {
 public:
  // As KernelRadio's. `passkey`: six digits, by which devices are paired before anything is said to
  // them; "" they are not.
  BluezRadio(loop::Loop& loop, Duty duty, std::set<AdapterNumber> wanted,
             const std::string& passkey, RadioEvents& events, Logger log);

  std::string_view port() const override;
  bool open(int descriptor) override;
  bool open_more(std::string_view name, int descriptor) override;
  void close() override;
  bool is_open() const override { return bus_.is_open(); }

  std::vector<AdapterNumber> adapters() const override;
  std::string trouble() const override { return trouble_; }
  std::shared_ptr<RadioLink> connect(AdapterNumber adapter, const Address& address,
                                     LinkEvents& events) override;
  bool answers_attributes() const override { return true; }
  void set_channel(std::uint16_t psm) override { service_.set_channel(psm); }
  void notify(std::string_view piece) override { service_.notify(piece); }
  Duration linger() const override;

 private:
  struct Adapter {
    bool powering = false;  // was told to, and has not answered
    bool active = false;    // scans, or serves: was told to, and has not refused
    bool filtered = false;  // its scan looks for Bluetooth LE alone
    std::size_t links = 0;
    TimePoint try_at{};  // not told anything before
  };

  void watch();
  void ask_everything();
  void lost(const std::string& why);
  void put(const std::string& path, const std::string& interface, bluez::Properties properties);
  void gone(const std::string& path, const std::string& interface);
  void owner_changed(const std::string& owner);
  void attend(AdapterNumber number, Adapter& adapter);
  void serve(AdapterNumber number, Adapter& adapter);
  void power(AdapterNumber number, Adapter& adapter);
  void set_filter(AdapterNumber number);
  void tell_scan(AdapterNumber number, bool on);
  void failed(AdapterNumber number, const std::string& what, const std::string& error);
  void link_over(AdapterNumber number);
  void on_time();
  bool is_ready(AdapterNumber number) const;
  std::string path_of(AdapterNumber number) const;

  loop::Loop& loop_;
  const Duty duty_;
  const std::set<AdapterNumber> wanted_;
  RadioEvents& events_;
  const Logger log_;
  SystemBus bus_;
  BluezService service_;
  loop::Timer timer_;
  bluez::Objects objects_;
  std::unique_ptr<BluezPairing> pairing_;  // null: no device has to be paired
  std::map<AdapterNumber, Adapter> adapters_;
  std::list<std::weak_ptr<BluezLink>> links_;
  std::string trouble_;
};

}  // namespace ferry::ble
