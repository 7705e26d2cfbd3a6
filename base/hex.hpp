// Hexadecimal text of any length, read. See digest.hpp for writing it. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ferry {

// Of one digit of either case; -1 when it is none.
int hex_value(char digit);

// Bytes of an even number of hex digits of either case; nothing for any other text.
std::optional<std::string> from_hex(std::string_view hex);

}  // namespace ferry
