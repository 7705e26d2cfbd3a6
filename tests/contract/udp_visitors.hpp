// Devices behind UDP that ask.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <memory>
#include <string>

#include "tests/contract/transports.hpp"

namespace ferry::contract {

sockaddr_in loopback_address(std::uint16_t port);
// Of "127.0.0.1:1337", as the plugin tells where it listens.
sockaddr_in address_of(const std::string& listening);

// Fetches /meter/firmware by SMP, datagram by datagram.
std::unique_ptr<Visitor> udp_pull_visitor();

}  // namespace ferry::contract
