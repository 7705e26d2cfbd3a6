// Devices behind UDP that ask.
#pragma once

#include <memory>

#include "tests/contract/transports.hpp"

namespace ferry::contract {

// Fetches /meter/firmware by SMP, datagram by datagram.
std::unique_ptr<Visitor> udp_pull_visitor();

}  // namespace ferry::contract
