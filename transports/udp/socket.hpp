// One unconnected UDP socket on the plugin's loop. Thin over sendto(2) and recvfrom(2).
#pragma once

#include <functional>
#include <vector>

#include "base/result.hpp"
#include "transports/loop/loop.hpp"
#include "transports/udp/address.hpp"

namespace ferry::udp {

// On the loop's thread; close() before the loop goes.
class Socket final : private loop::Waiter {
 public:
  using Received = std::function<void(Bytes datagram, const Address& from)>;

  // `shared`: others may be bound to the same port as well, as mDNS needs it.
  Socket(loop::Loop& loop, Received received, bool shared = false);

  // Binds; the address with the real port. ErrorCode::io says why not.
  Result<Address> open(const Address& local);
  // Sends and receives multicast of this group on each interface that has an IPv4 address; again
  // for interfaces that came since. Their number.
  std::size_t join(in_addr group);
  // What the kernel has no room for, or no way to, is lost like anything else on the way.
  void send(Bytes datagram, const Address& to);
  // The same, to a multicast group, on each interface that was joined.
  void send_everywhere(Bytes datagram, const Address& group);
  void close() { watch_.close(); }

 private:
  void readable() override;
  void writable() override {}
  void released() override {}

  loop::Watch watch_;
  Received received_;
  const bool shared_;
  int family_ = AF_UNSPEC;
  std::vector<in_addr> joined_;  // by their addresses
};

}  // namespace ferry::udp
