// A GATT server in memory with one service and one characteristic, as a device in the field has it.
// Written apart from the client, so that both ends do not share mistakes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "transports/ble/uuid.hpp"

namespace ferry::ble::test {

struct GattDevice {
  std::string service_uuid;         // on the wire
  std::string characteristic_uuid;  // likewise
  std::uint16_t mtu = 247;          // 0: it does not know the request
  std::uint16_t first = 20;         // handle of the service; the others follow
  int others_before = 2;            // characteristics of the same service that come before
  bool another_behind = false;      // and one after it
  bool long_descriptors = false;    // one that the client does not look for comes first
  std::uint8_t properties = 0x14;
  std::uint8_t subscribe_error = 0;

  std::uint16_t declaration() const {
    return static_cast<std::uint16_t>(first + 1 + 2 * others_before);
  }
  std::uint16_t value() const { return static_cast<std::uint16_t>(declaration() + 1); }
  std::uint16_t configuration() const {
    return static_cast<std::uint16_t>(value() + (long_descriptors ? 2 : 1));
  }
  std::uint16_t last() const {
    return static_cast<std::uint16_t>(configuration() + (another_behind ? 2 : 0));
  }

  bool subscribed = false;
  std::vector<std::string> written;  // values, without response

  std::optional<std::string> answer(const std::string& packet);
  std::string notify(std::string_view value) const;
};

}  // namespace ferry::ble::test
