// How SMP goes over datagrams. Pure.
#pragma once

#include "transports/smp/operation.hpp"

namespace ferry::udp {

// The largest packet: what Ethernet and WiFi carry in one frame, over IPv6 as well. A datagram in
// fragments is lost with each of them.
inline constexpr std::size_t largest_packet = 1500 - 40 - 8;

// What a client on a link that loses datagrams is to do. Waiting times follow the round trips that
// are measured (RFC 6298). Each packet has its own sequence number, also one that is sent again, so
// that an answer never counts for another packet than its own, as Karn asks.
inline smp::ClientOptions lossy_link() {
  smp::ClientOptions options;
  options.packet_limit = largest_packet;
  options.minimum_timeout = smp::Milliseconds(100);
  options.attempts = 12;  // at 20 % losses both ways, one request of 200,000 is never answered
  options.loses_whole_packets = true;
  options.window_by_losses = 0.6;
  return options;
}

}  // namespace ferry::udp
