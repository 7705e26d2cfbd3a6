// What both sides of the transport share: the loop, the kernel's radio, and the management socket
// that the agent opens for it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "transports/ble/radio.hpp"
#include "transports/ble/settings.hpp"
#include "transports/pull/resolver.hpp"
#include "transports/transport.hpp"

namespace ferry::ble {

class TransportBase : public plugin::Transport, protected RadioEvents {
 public:
  // `duty` as of Radio.
  TransportBase(const plugin::Host& host, Settings settings, Duty duty);

  void stop() override { loop_.stop(); }
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }
  void port(const std::string& name, int descriptor) override;

 protected:
  void port_lost() override;
  // Behind "2 adapters; ".
  virtual std::string describe() const = 0;
  void tell_state();

  plugin::Host host_;
  const Settings settings_;
  loop::Loop loop_;
  pull::Resolver resolver_;
  const std::unique_ptr<Radio> radio_;

 private:
  loop::Timer retry_;
};

}  // namespace ferry::ble
