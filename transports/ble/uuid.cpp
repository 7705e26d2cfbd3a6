#include "transports/ble/uuid.hpp"

#include <algorithm>

namespace ferry::ble {
namespace {

// The Bluetooth base, 00000000-0000-1000-8000-00805F9B34FB, into whose first bytes numbers go.
constexpr std::array<std::uint8_t, 16> base = {0xFB, 0x34, 0x9B, 0x5F, 0x80, 0, 0, 0x80,
                                               0,    0x10, 0,    0,    0,    0, 0, 0};
constexpr std::size_t number_place = 12;
constexpr std::string_view digits = "0123456789abcdef";

std::optional<std::uint8_t> digit_of(char c) {
  if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  const std::size_t at = digits.find(c);
  if (at == digits.npos) return std::nullopt;
  return static_cast<std::uint8_t>(at);
}

}  // namespace

std::optional<std::uint16_t> Uuid::assigned() const {
  if (!std::equal(bytes.begin(), bytes.begin() + number_place, base.begin())) return std::nullopt;
  if (bytes[14] != 0 || bytes[15] != 0) return std::nullopt;
  return static_cast<std::uint16_t>(bytes[12] | bytes[13] << 8U);
}

Uuid uuid_of(std::uint32_t assigned) {
  Uuid uuid{base};
  for (std::size_t i = 0; i < 4; ++i) {
    uuid.bytes[number_place + i] = static_cast<std::uint8_t>(assigned >> (8 * i));
  }
  return uuid;
}

std::optional<Uuid> uuid_from(Bytes wire) {
  Uuid uuid{base};
  if (wire.size() != 2 && wire.size() != 4 && wire.size() != uuid.bytes.size()) return std::nullopt;
  const std::size_t at = wire.size() == uuid.bytes.size() ? 0 : number_place;
  for (std::size_t i = 0; i < wire.size(); ++i) {
    uuid.bytes[at + i] = std::to_integer<std::uint8_t>(wire[i]);
  }
  return uuid;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  constexpr std::size_t full = 36;
  if (text.size() != 4 && text.size() != full) return std::nullopt;
  Uuid uuid{base};
  std::size_t at = text.size() == full ? uuid.bytes.size() : number_place + 2;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const auto high = digit_of(text[i]);
    const auto low = i + 1 < text.size() ? digit_of(text[i + 1]) : std::nullopt;
    if (!high || !low) return std::nullopt;
    uuid.bytes[--at] = static_cast<std::uint8_t>(*high << 4U | *low);
    ++i;
  }
  return uuid;
}

std::string to_string(const Uuid& uuid) {
  std::string text;
  for (std::size_t i = uuid.bytes.size(); i-- > 0;) {
    text += digits[uuid.bytes[i] >> 4U];
    text += digits[uuid.bytes[i] & 0xFU];
    if (i == 12 || i == 10 || i == 8 || i == 6) text += '-';
  }
  return text;
}

}  // namespace ferry::ble
