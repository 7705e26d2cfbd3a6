#include "transports/udp/socket.hpp"

#include <fmt/format.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/file.hpp"

namespace ferry::udp {
namespace {

constexpr int datagrams_a_turn = 64;
// What may wait in the kernel while this process waits for its turn: windows of many devices.
constexpr int kernel_buffer = 512 * 1024;
constexpr std::size_t most_interfaces = 32;

void set(int socket, int level, int option, int value) {
  ::setsockopt(socket, level, option, &value, sizeof value);
}

// Those that have one. Without netlink, which the jail refuses.
std::vector<in_addr> interface_addresses(int socket) {
  std::array<ifreq, most_interfaces> entries{};
  ifconf wanted{};
  wanted.ifc_len = sizeof entries;
  wanted.ifc_req = entries.data();
  if (::ioctl(socket, SIOCGIFCONF, &wanted) != 0) return {};
  std::vector<in_addr> found;
  const auto count = static_cast<std::size_t>(wanted.ifc_len) / sizeof(ifreq);
  for (std::size_t i = 0; i < std::min(count, most_interfaces); ++i) {
    sockaddr_in address{};
    std::memcpy(&address, &entries[i].ifr_addr, sizeof address);
    if (address.sin_family == AF_INET) found.push_back(address.sin_addr);
  }
  return found;
}

}  // namespace

Socket::Socket(loop::Loop& loop, Received received, bool shared)
    : watch_(loop, *this), received_(std::move(received)), shared_(shared) {}

Result<Address> Socket::open(const Address& local) {
  family_ = local.family();
  Descriptor socket(::socket(family_, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return fail_errno(errno, "socket");
  set(socket.get(), SOL_SOCKET, SO_RCVBUF, kernel_buffer);
  if (shared_) {
    set(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    set(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  }
  if (family_ == AF_INET6) set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  sockaddr_storage raw{};
  socklen_t size = local.write(family_, raw);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&raw), size) != 0) {
    return fail_errno(errno, fmt::format("listening on {}", local.text()));
  }
  size = sizeof raw;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&raw), &size);
  if (!watch_.open(socket.release())) {
    return fail(ErrorCode::io, fmt::format("listening on {}: no room to watch it", local.text()));
  }
  watch_.wait_readable();
  return Address::from(raw);
}

std::size_t Socket::join(in_addr group) {
  for (const in_addr& address : interface_addresses(watch_.descriptor())) {
    const bool known = std::any_of(joined_.begin(), joined_.end(), [&](const in_addr& joined) {
      return joined.s_addr == address.s_addr;
    });
    if (known || joined_.size() >= most_interfaces) continue;
    ip_mreqn membership{};
    membership.imr_multiaddr = group;
    membership.imr_address = address;
    if (::setsockopt(watch_.descriptor(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership,
                     sizeof membership) == 0 ||
        errno == EADDRINUSE) {
      joined_.push_back(address);
    }
  }
  return joined_.size();
}

void Socket::send(Bytes datagram, const Address& to) {
  sockaddr_storage raw{};
  const socklen_t size = to.write(family_, raw);
  if (size == 0 || watch_.descriptor() < 0) return;
  // Errors that this call is told of an earlier datagram are over with it.
  for (int i = 0; i < 2; ++i) {
    const ssize_t sent = ::sendto(watch_.descriptor(), datagram.data(), datagram.size(),
                                  MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&raw), size);
    if (sent >= 0 || (errno != EINTR && errno != ECONNREFUSED)) return;
  }
}

void Socket::send_everywhere(Bytes datagram, const Address& group) {
  for (const in_addr& address : joined_) {
    ip_mreqn way{};
    way.imr_address = address;
    ::setsockopt(watch_.descriptor(), IPPROTO_IP, IP_MULTICAST_IF, &way, sizeof way);
    send(datagram, group);
  }
}

void Socket::readable() {
  static thread_local std::array<std::byte, 65536> datagram;
  for (int i = 0; i < datagrams_a_turn && watch_.descriptor() >= 0; ++i) {
    sockaddr_storage raw{};
    socklen_t size = sizeof raw;
    const ssize_t count = ::recvfrom(watch_.descriptor(), datagram.data(), datagram.size(), 0,
                                     reinterpret_cast<sockaddr*>(&raw), &size);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count < 0) continue;  // about a datagram that was sent: lost
    received_(Bytes(datagram.data(), static_cast<std::size_t>(count)), Address::from(raw));
  }
  if (watch_.descriptor() >= 0) watch_.wait_readable();
}

}  // namespace ferry::udp
