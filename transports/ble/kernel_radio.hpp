// The radio over the kernel's own sockets: adapters and scanning by its management socket, which
// the agent opened, links by L2CAP sockets. For gateways on which no bluetoothd has the devices.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "transports/ble/adapter_restart.hpp"
#include "transports/ble/gatt_client.hpp"
#include "transports/ble/management.hpp"
#include "transports/ble/radio.hpp"
#include "transports/loop/loop.hpp"

namespace ferry::ble {

// On the loop's thread.
class KernelRadio final : public Radio, private loop::Waiter {
 public:
  // Uses the adapters of these numbers, or all. `events` must live until close() has come through.
  KernelRadio(loop::Loop& loop, Duty duty, std::set<AdapterNumber> wanted, RadioEvents& events,
              Logger log);

  std::string_view port() const override;
  bool open(int management) override;
  void close() override;
  bool is_open() const override { return management_.descriptor() >= 0; }

  std::vector<AdapterNumber> adapters() const override;
  std::string trouble() const override;
  std::shared_ptr<RadioLink> connect(AdapterNumber adapter, const Address& address,
                                     LinkEvents& events) override;
  bool answers_attributes() const override { return false; }
  void set_channel(std::uint16_t) override {}
  void notify(std::string_view) override {}
  Duration linger() const override;

 private:
  enum class Stage { asked, enabling, powering, ready, restarting };
  struct Adapter {
    Stage stage = Stage::asked;
    Address address;
    std::uint32_t settings = 0;
    bool active = false;   // scans, as the kernel says, or advertises
    bool changes = false;  // it was told to begin, or to end, and has not answered
    TimePoint scans_until{};
    std::size_t links = 0;
    AdapterRestart restart;
    TimePoint try_at{};   // not told anything before
    std::string trouble;  // "" none
  };

  void readable() override;
  void writable() override {}
  void released() override {}

  void take(const mgmt::Event& event);
  void take_done(AdapterNumber number, const mgmt::Done& done);
  void take_settings(AdapterNumber number, Adapter& adapter, std::uint32_t settings);
  void come(AdapterNumber number);
  void go(AdapterNumber number);
  void bring_up(AdapterNumber number, Adapter& adapter);
  void attend(AdapterNumber number, Adapter& adapter);
  void refused(AdapterNumber number, Adapter& adapter, std::uint8_t status);
  void link_over(AdapterNumber number, bool came_up);
  void restart(AdapterNumber number, Adapter& adapter);
  void on_time();
  void tell(const std::string& packet);

  loop::Loop& loop_;
  const Duty duty_;
  const std::set<AdapterNumber> wanted_;
  RadioEvents& events_;
  const Logger log_;
  loop::Watch management_;
  loop::Timer timer_;
  std::map<AdapterNumber, Adapter> adapters_;
};

}  // namespace ferry::ble
