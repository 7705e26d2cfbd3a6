#include "transports/ble/listener.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "base/file.hpp"
#include "transports/ble/socket_address.hpp"

namespace ferry::ble {
namespace {

constexpr int waiting = 4;  // connections that were not taken yet

}  // namespace

Listener::Listener(loop::Loop& loop, Accepted accepted)
    : watch_(loop, *this), accepted_(std::move(accepted)) {}

Status Listener::listen_attributes(const Address& adapter) {
  const auto listening = begin(adapter, attribute_channel, 0);
  if (!listening) return fail(listening.error());
  return {};
}

Result<std::uint16_t> Listener::listen_packets(const Address& adapter, std::uint16_t most) {
  const auto listening = begin(adapter, 0, most);
  if (!listening) return fail(listening.error());
  sockaddr_l2 bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(*listening, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return fail_errno(errno, "the channel's number");
  }
  return btohs(bound.l2_psm);
}

Result<int> Listener::begin(const Address& adapter, std::uint16_t fixed, std::uint16_t most) {
  Descriptor socket(
      ::socket(AF_BLUETOOTH, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, BTPROTO_L2CAP));
  if (!socket) return fail_errno(errno, "socket");
  const sockaddr_l2 here = socket_address(adapter, fixed);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) {
    return fail_errno(errno, "binding to the adapter");
  }
  if (most != 0 && ::setsockopt(socket.get(), SOL_BLUETOOTH, BT_RCVMTU, &most, sizeof most) != 0) {
    return fail_errno(errno, "the size of packets");
  }
  if (::listen(socket.get(), waiting) != 0) return fail_errno(errno, "listening");
  if (!watch_.open(socket.release())) return fail(ErrorCode::io, "no room to watch the socket");
  watch_.wait_readable();
  return watch_.descriptor();
}

void Listener::readable() {
  sockaddr_l2 there{};
  socklen_t size = sizeof there;
  const int connected = ::accept4(watch_.descriptor(), reinterpret_cast<sockaddr*>(&there), &size,
                                  SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connected >= 0) accepted_(connected, address_of(there));
  if (watch_.descriptor() >= 0) watch_.wait_readable();
}

}  // namespace ferry::ble
