#include "tests/unit/ble/gatt_device.hpp"

namespace ferry::ble::test {
namespace {

std::string word(unsigned value) {
  return {static_cast<char>(value & 0xFFU), static_cast<char>(value >> 8U)};
}
unsigned word_at(const std::string& packet, std::size_t at) {
  return static_cast<std::uint8_t>(packet[at]) | static_cast<std::uint8_t>(packet[at + 1]) << 8U;
}
std::string refusal(const std::string& packet, unsigned handle, unsigned code) {
  return std::string("\x01") + packet[0] + word(handle) + static_cast<char>(code);
}

}  // namespace

std::optional<std::string> GattDevice::answer(const std::string& packet) {
  const auto code = static_cast<std::uint8_t>(packet[0]);
  if (code == 0x02) {
    return mtu == 0 ? refusal(packet, 0, 6) : std::string("\x03") + word(mtu);
  }
  if (code == 0x52) {
    if (word_at(packet, 1) == value()) written.push_back(packet.substr(3));
    return std::nullopt;
  }
  const unsigned from = word_at(packet, 1);
  if (code == 0x12) {
    if (from != configuration()) return refusal(packet, from, 1);
    if (subscribe_error != 0) return refusal(packet, from, subscribe_error);
    subscribed = packet.substr(3) == std::string("\x01\x00", 2);
    return "\x13";
  }
  const unsigned to = word_at(packet, 3);
  if (code == 0x06) {
    const bool ours = word_at(packet, 5) == 0x2800 && packet.substr(7) == service_uuid;
    if (!ours || from > first || to < first) return refusal(packet, from, 10);
    return std::string("\x07") + word(first) + word(last());
  }
  if (code == 0x08) {  // one at a time, as small servers do
    for (unsigned handle = first + 1U; handle <= declaration(); handle += 2) {
      if (handle < from || handle > to) continue;
      if (handle == declaration()) {
        return std::string("\x09\x15") + word(handle) + static_cast<char>(properties) +
               word(handle + 1) + characteristic_uuid;
      }
      return std::string("\x09\x07") + word(handle) + '\x02' + word(handle + 1) + word(0x2A00);
    }
    const unsigned behind = configuration() + 1U;
    if (another_behind && from <= behind && to >= behind) {
      return std::string("\x09\x07") + word(behind) + '\x02' + word(behind + 1) + word(0x2A01);
    }
    return refusal(packet, from, 10);
  }
  if (code == 0x04) {
    if (from > configuration() || to < configuration()) return refusal(packet, from, 10);
    if (from < configuration()) {
      return std::string("\x05\x02") + word(from) + std::string(16, '\x07');
    }
    return std::string("\x05\x01") + word(from) + word(0x2902);
  }
  return refusal(packet, 0, 6);
}

std::string GattDevice::notify(std::string_view value_bytes) const {
  return std::string("\x1b") + word(value()) + std::string(value_bytes);
}

}  // namespace ferry::ble::test
