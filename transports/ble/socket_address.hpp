// Addresses as the kernel's L2CAP sockets take them.
#pragma once

#include <bluetooth/bluetooth.h>
#include <bluetooth/l2cap.h>

#include <cstdint>
#include <cstring>

#include "transports/ble/advertisement.hpp"

namespace ferry::ble {

inline constexpr std::uint16_t attribute_channel = 4;  // fixed (Core 5.3, volume 3, part A, 2.1)

// On a fixed channel, or with 0 on none.
inline sockaddr_l2 socket_address(const Address& address, std::uint16_t fixed) {
  sockaddr_l2 raw{};
  raw.l2_family = AF_BLUETOOTH;
  raw.l2_cid = htobs(fixed);
  raw.l2_bdaddr_type =
      address.kind == AddressKind::random_address ? BDADDR_LE_RANDOM : BDADDR_LE_PUBLIC;
  std::memcpy(&raw.l2_bdaddr, address.bytes.data(), address.bytes.size());
  return raw;
}

inline Address address_of(const sockaddr_l2& raw) {
  Address address;
  std::memcpy(address.bytes.data(), &raw.l2_bdaddr, address.bytes.size());
  if (raw.l2_bdaddr_type == BDADDR_LE_RANDOM) address.kind = AddressKind::random_address;
  return address;
}

}  // namespace ferry::ble
