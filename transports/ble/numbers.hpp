// Numbers as Bluetooth's packets carry them: the least significant byte first. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/digest.hpp"

namespace ferry::ble {

// The bytes must be there.
inline std::uint8_t byte_at(Bytes bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}
inline std::uint16_t number_at(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) | byte_at(bytes, at + 1) << 8U);
}
inline void put_number(std::string& out, std::uint16_t number) {
  out += static_cast<char>(number & 0xFFU);
  out += static_cast<char>(number >> 8U);
}

}  // namespace ferry::ble
