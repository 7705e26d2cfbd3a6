// SMP packets (Zephyr's "SMP Protocol Specification", versions 1 and 2): header, CBOR map, errors.
// Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "formats/cbor.hpp"
#include "formats/json.hpp"

namespace ferry::smp {

using formats::Json;

inline constexpr std::size_t header_size = 8;
// Of a packet from outside, header included. Far beyond any device's buffer.
inline constexpr std::size_t packet_limit = 16U << 10U;

enum class Op : std::uint8_t { read = 0, read_answer = 1, write = 2, write_answer = 3 };

// A number of 16 bits in network order.
void append_short(std::string& out, std::size_t value);

inline bool is_answer(Op op) {
  return op == Op::read_answer || op == Op::write_answer;
}
inline Op answer_to(Op op) {
  return op == Op::read ? Op::read_answer : Op::write_answer;
}

namespace group {
inline constexpr std::uint16_t os = 0;
inline constexpr std::uint16_t image = 1;
inline constexpr std::uint16_t files = 8;
}  // namespace group

namespace command {
inline constexpr std::uint8_t os_echo = 0;
inline constexpr std::uint8_t os_reset = 5;
inline constexpr std::uint8_t os_parameters = 6;
inline constexpr std::uint8_t os_info = 7;
inline constexpr std::uint8_t os_bootloader = 8;
inline constexpr std::uint8_t image_state = 0;
inline constexpr std::uint8_t image_upload = 1;
inline constexpr std::uint8_t image_erase = 5;
inline constexpr std::uint8_t file_transfer = 0;  // read: download, write: upload
inline constexpr std::uint8_t file_status = 1;
inline constexpr std::uint8_t file_hash = 2;
}  // namespace command

struct Header {
  Op op = Op::read;
  std::uint8_t version = 0;  // as on the wire: 0 is version 1 of the protocol, 1 is version 2
  std::uint16_t group = 0;
  std::uint8_t sequence = 0;
  std::uint8_t command = 0;

  bool operator==(const Header&) const = default;
};

struct Packet {
  Header header;
  Json body;  // always an object
};

// The header in front of a CBOR map of at most 65535 bytes.
std::string encode(const Header& header, std::string_view body);

// The header alone, of a packet whose length fits exactly; nothing when it does not, is beyond
// packet_limit, or names a reserved operation. How a link that is both client and server tells
// answers (for the client) from requests (for the server).
std::optional<Header> peek(Bytes packet);

// Header and body, the body guarded by formats/cbor.hpp. An empty body counts as an empty map.
Result<Packet> decode(Bytes packet);

// An error as a device told it. Version 1: the flat "rc"; version 2: "err" with group and rc, whose
// numbers belong to that group.
struct DeviceError {
  std::optional<std::uint16_t> group;  // nothing: a code of the protocol itself
  std::uint64_t code = 0;

  bool operator==(const DeviceError&) const = default;
};

// The error in an answer's body, whichever version's; nothing for success (missing or 0).
std::optional<DeviceError> error_in(const Json& body);

}  // namespace ferry::smp
