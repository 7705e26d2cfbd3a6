// What a client of the Attribute Protocol asks for (Core 5.3, volume 3, part F, 3.4), as far as a
// server of a fixed table answers it. Pure, any thread. What is read borrows the packet's bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "transports/ble/att.hpp"

namespace ferry::ble::att {

struct FindInformation {
  Range within;
};
struct FindByTypeValue {
  Range within;
  Uuid type;
  Bytes value;
};
struct ReadByType {
  Range within;
  Uuid type;
  bool groups = false;  // Read By Group Type
};
struct Read {
  std::uint16_t handle = 0;
  std::optional<std::uint16_t> offset;  // Read Blob has one
};
struct Write {
  std::uint16_t handle = 0;
  Bytes value;
  bool answered = false;  // a request; else a command
};
// A request that gets an error as its answer: `code` of att::error.
struct Refused {
  std::uint8_t request = 0;
  std::uint8_t code = 0;
};
using Request =
    std::variant<Mtu, FindInformation, FindByTypeValue, ReadByType, Read, Write, Refused, Ignored>;

// Whatever is cut short or not known is Refused, or Ignored where nothing may be answered.
Request parse_request(Bytes packet);

}  // namespace ferry::ble::att
