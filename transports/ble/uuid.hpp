// Names of services and characteristics, as the Attribute Protocol carries them. Pure, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"

namespace ferry::ble {

// 128 bits, the least significant byte first, as on the wire (Core 5.3, volume 3, part B, 2.5.1).
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  bool operator==(const Uuid&) const = default;
  // The assigned number that it stands for, if it is one of 16 bits.
  std::optional<std::uint16_t> assigned() const;
};

// An assigned number of 16 or 32 bits.
Uuid uuid_of(std::uint32_t assigned);
// Of 2, 4 or 16 bytes as they come; nothing of any other length.
std::optional<Uuid> uuid_from(Bytes wire);
// "8d53dc1d-1db7-4cd3-868b-8a527460aa84" in either case, or the four digits of an assigned number.
std::optional<Uuid> parse_uuid(std::string_view text);
std::string to_string(const Uuid& uuid);

}  // namespace ferry::ble
