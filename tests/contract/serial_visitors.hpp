// Devices on serial lines that ask.
#pragma once

#include <memory>

#include "tests/contract/transports.hpp"

namespace ferry::contract {

// Prints a line, and takes the bytes that follow for its image.
std::unique_ptr<Visitor> raw_visitor();
// Fetches /firmware by SMP, piece by piece.
std::unique_ptr<Visitor> pull_visitor();

}  // namespace ferry::contract
