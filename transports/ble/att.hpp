// Packets of the Attribute Protocol (Core 5.3, volume 3, part F), as far as a client of one
// characteristic needs them. Pure, any thread. What is read borrows the packet's bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "transports/ble/uuid.hpp"

namespace ferry::ble::att {

inline constexpr std::uint16_t least_mtu = 23;
inline constexpr std::uint16_t most_mtu = 517;    // a value of 512 bytes, and its header
inline constexpr std::size_t write_overhead = 3;  // of the MTU, in a write or a notification
inline constexpr std::uint16_t last_handle = 0xFFFF;
inline constexpr std::size_t handle_size = 2;
inline constexpr std::uint8_t command_flag = 0x40;  // in an opcode: nothing is answered

namespace opcode {
inline constexpr std::uint8_t error = 0x01;
inline constexpr std::uint8_t mtu_request = 0x02;
inline constexpr std::uint8_t mtu_answer = 0x03;
inline constexpr std::uint8_t find_information = 0x04;
inline constexpr std::uint8_t find_information_answer = 0x05;
inline constexpr std::uint8_t find_by_type_value = 0x06;
inline constexpr std::uint8_t find_by_type_value_answer = 0x07;
inline constexpr std::uint8_t read_by_type = 0x08;
inline constexpr std::uint8_t read_by_type_answer = 0x09;
inline constexpr std::uint8_t read = 0x0A;
inline constexpr std::uint8_t read_blob = 0x0C;
inline constexpr std::uint8_t read_by_group_type = 0x10;
inline constexpr std::uint8_t write_request = 0x12;
inline constexpr std::uint8_t write_answer = 0x13;
inline constexpr std::uint8_t notification = 0x1B;
inline constexpr std::uint8_t indication = 0x1D;
inline constexpr std::uint8_t confirmation = 0x1E;
inline constexpr std::uint8_t write_command = 0x52;
}  // namespace opcode

namespace error {
inline constexpr std::uint8_t no_such_handle = 0x01;
inline constexpr std::uint8_t not_readable = 0x02;
inline constexpr std::uint8_t not_writable = 0x03;
inline constexpr std::uint8_t malformed = 0x04;
inline constexpr std::uint8_t authentication = 0x05;
inline constexpr std::uint8_t not_supported = 0x06;
inline constexpr std::uint8_t invalid_offset = 0x07;
inline constexpr std::uint8_t authorization = 0x08;
inline constexpr std::uint8_t not_found = 0x0A;
inline constexpr std::uint8_t key_too_short = 0x0C;
inline constexpr std::uint8_t invalid_length = 0x0D;
inline constexpr std::uint8_t encryption = 0x0F;
inline constexpr std::uint8_t unsupported_group = 0x10;
}  // namespace error

// What came.
struct Error {
  std::uint8_t request = 0;  // its opcode
  std::uint16_t handle = 0;
  std::uint8_t code = 0;
};
struct Mtu {
  std::uint16_t mtu = 0;
  bool request = false;
};
struct Range {  // of handles, both within it
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};
struct Groups {
  std::vector<Range> ranges;
};
struct Attribute {
  std::uint16_t handle = 0;
  Bytes value;
};
struct Attributes {
  std::vector<Attribute> list;
};
struct Descriptor {
  std::uint16_t handle = 0;
  Uuid type;
};
struct Descriptors {
  std::vector<Descriptor> list;
};
struct Written {};
struct Value {  // notified or indicated
  std::uint16_t handle = 0;
  Bytes value;
  bool indicated = false;
};
struct OtherRequest {  // that wants an answer
  std::uint8_t opcode = 0;
};
struct Ignored {};  // commands, confirmations: nothing is to be said
using Packet = std::variant<Error, Mtu, Groups, Attributes, Descriptors, Written, Value,
                            OtherRequest, Ignored>;

// Nothing of what is no packet, is cut short, or names handles out of order.
std::optional<Packet> parse(Bytes packet);

std::string mtu(std::uint16_t mtu, bool request);
// A primary service's groups.
std::string find_service(Range within, const Uuid& service);
std::string read_by_type(Range within, std::uint16_t type);
std::string find_information(Range within);
std::string write_request(std::uint16_t handle, std::string_view value);
std::string write_command(std::uint16_t handle, std::string_view value);
std::string error_answer(const Error& error);
std::string confirmation();

// What an error's code means, for people.
std::string describe(std::uint8_t code);

}  // namespace ferry::ble::att
