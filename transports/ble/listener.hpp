// Devices that connect to the gateway: a listening L2CAP socket on one adapter. It needs no rights.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.hpp"
#include "transports/ble/advertisement.hpp"
#include "transports/loop/loop.hpp"

namespace ferry::ble {

// On the loop's thread.
class Listener final : private loop::Waiter {
 public:
  // Takes the connected socket over.
  using Accepted = std::function<void(int descriptor, const Address& device)>;

  Listener(loop::Loop& loop, Accepted accepted);

  // One of the two, once: the Attribute Protocol's fixed channel, or a credit-based channel (Core
  // 5.3, volume 3, part A, 4.22) for packets of `most` bytes, on whichever PSM is free.
  Status listen_attributes(const Address& adapter);
  Result<std::uint16_t> listen_packets(const Address& adapter, std::uint16_t most);
  // Before it is destroyed from within the loop.
  void close() { watch_.close(); }

 private:
  void readable() override;
  void writable() override {}
  void released() override {}
  Result<int> begin(const Address& adapter, std::uint16_t fixed, std::uint16_t most);

  loop::Watch watch_;
  Accepted accepted_;
};

}  // namespace ferry::ble
