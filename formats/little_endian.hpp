// Numbers in binary formats, the lowest byte first.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/digest.hpp"

namespace ferry::formats {

// The number at `at`; the caller has checked that so many bytes are there.
template <std::unsigned_integral T>
T little_endian(Bytes bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = sizeof(T); i > 0; --i) {
    value = value << 8U | std::to_integer<std::uint64_t>(bytes[at + i - 1]);
  }
  return static_cast<T>(value);
}

template <std::unsigned_integral T>
void append_little_endian(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFFU));
  }
}

}  // namespace ferry::formats
