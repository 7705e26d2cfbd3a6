// What the values of several kinds are read with. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ferry::config::values {

// Decimal digits alone, without a sign, that fit 64 bits.
std::optional<std::uint64_t> decimal(std::string_view text);
// The same, when it lies within these two, both included.
std::optional<std::uint64_t> between(std::string_view text, std::uint64_t least,
                                     std::uint64_t most);
// A device's id as the links give it: UTF-8 of 1 to 256 bytes, without control characters.
bool is_device(std::string_view text);

}  // namespace ferry::config::values
