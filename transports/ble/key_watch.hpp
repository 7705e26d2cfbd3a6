// Listens on the kernel's management socket for the keys that pairings leave: bluetoothd, which
// pairs, tells of none. Keys themselves are dropped at once, only their kind is kept.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "transports/ble/management.hpp"
#include "transports/ble/pairing.hpp"
#include "transports/loop/loop.hpp"

namespace ferry::ble {

// On the loop's thread.
class KeyWatch final : private loop::Waiter {
 public:
  explicit KeyWatch(loop::Loop& loop) : socket_(loop, *this) {}

  // Takes the descriptor over. False, and it is closed: no room to watch it.
  bool open(int management);
  bool is_open() const { return socket_.descriptor() >= 0; }
  void close() { socket_.close(); }

  // Whatever came before is of no matter.
  void forget();
  // The last key of a device since forget(), also when the loop has not come to it yet.
  std::optional<KeyKind> key(std::uint16_t adapter, const Address& device);

 private:
  void readable() override;
  void writable() override {}
  void released() override {}
  void drain();

  using Bytes6 = decltype(Address::bytes);

  loop::Watch socket_;
  std::map<std::pair<std::uint16_t, Bytes6>, KeyKind> keys_;
};

}  // namespace ferry::ble
