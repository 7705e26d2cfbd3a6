// Where a datagram goes to or came from. Values; any thread.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "base/digest.hpp"

namespace ferry::udp {

class Address {
 public:
  Address() = default;
  // "192.168.4.2", "192.168.4.2:1337", "fe80::1%3", "[fd00::2]:1337": numeric, with `port` where
  // none stands. Nothing when it is none of these.
  static std::optional<Address> parse(std::string_view text, std::uint16_t port);
  static Address of(in_addr address, std::uint16_t port);
  // As the kernel gives it. One of IPv4 that came over IPv6 is IPv4.
  static Address from(const sockaddr_storage& raw);

  int family() const { return family_; }
  std::uint16_t port() const { return port_; }
  std::string host() const;  // "192.168.4.2"
  std::string text() const;  // "192.168.4.2:1337", "[fd00::2]:1337"
  // For a socket of that family: an IPv4 address goes over an IPv6 socket as a mapped one. The
  // length; 0 when it cannot be reached so.
  socklen_t write(int socket_family, sockaddr_storage& out) const;

  bool operator==(const Address&) const = default;
  auto operator<=>(const Address& other) const {
    return std::tie(family_, port_, scope_, raw_) <=>
           std::tie(other.family_, other.port_, other.scope_, other.raw_);
  }

 private:
  int family_ = AF_UNSPEC;
  std::uint16_t port_ = 0;
  std::uint32_t scope_ = 0;
  std::string raw_;  // 4 or 16 bytes
};

}  // namespace ferry::udp
