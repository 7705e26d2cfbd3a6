// Devices that could not be paired as demanded, until they are visited again: what they would get
// is not withheld in silence, but ends, once for each refusal; also when it is there only
// afterwards.
#pragma once

#include <map>
#include <string>

#include "transports/ble/advertisement.hpp"
#include "transports/transport.hpp"

namespace ferry::ble {

// On the loop's thread; lives as long as the plugin.
class Refusals {
 public:
  explicit Refusals(const plugin::Host& host) : host_(host) {}
  Refusals(const Refusals&) = delete;
  Refusals& operator=(const Refusals&) = delete;

  void add(const Address& address, const plugin::Device& device, const std::string& why);
  // It is visited again.
  void lift(const Address& address) { refused_.erase(address); }
  // There may be something new for them.
  void changed();

 private:
  struct Refusal {
    plugin::Device device;
    std::string why;
  };

  void end_delivery(const Address& address, const Refusal& refusal);

  const plugin::Host host_;
  std::map<Address, Refusal> refused_;
};

}  // namespace ferry::ble
