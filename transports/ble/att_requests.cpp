#include "transports/ble/att_requests.hpp"

#include "transports/ble/numbers.hpp"

namespace ferry::ble::att {
namespace {

constexpr std::size_t range_size = 2 * handle_size;

Request malformed(std::uint8_t code) {
  return Refused{code, error::malformed};
}

Range range_at(Bytes body) {
  return {number_at(body, 0), number_at(body, handle_size)};
}
bool is_range(Range range) {
  return range.first != 0 && range.last >= range.first;
}

// A range of handles, and what shall be found there.
Request parse_search(std::uint8_t code, Bytes body) {
  if (body.size() < range_size) return malformed(code);
  const Range within = range_at(body);
  const Bytes rest = body.subspan(range_size);
  if (!is_range(within)) return Refused{code, error::no_such_handle};
  switch (code) {
    case opcode::find_information:
      if (!rest.empty()) return malformed(code);
      return FindInformation{within};
    case opcode::find_by_type_value:
      if (rest.size() < handle_size) return malformed(code);
      return FindByTypeValue{within, uuid_of(number_at(rest, 0)), rest.subspan(handle_size)};
    default:
      break;
  }
  if (rest.size() != 2 && rest.size() != 16) return malformed(code);
  return ReadByType{within, *uuid_from(rest), code == opcode::read_by_group_type};
}

Request parse_read(std::uint8_t code, Bytes body) {
  const bool part = code == opcode::read_blob;
  if (body.size() != (part ? 2 * handle_size : handle_size)) return malformed(code);
  Read read{number_at(body, 0), std::nullopt};
  if (part) read.offset = number_at(body, handle_size);
  return read;
}

}  // namespace

Request parse_request(Bytes packet) {
  if (packet.empty()) return Ignored{};
  const std::uint8_t code = byte_at(packet, 0);
  const Bytes body = packet.subspan(1);
  switch (code) {
    case opcode::mtu_request:
      if (body.size() != 2) return malformed(code);
      return Mtu{number_at(body, 0), true};
    case opcode::find_information:
    case opcode::find_by_type_value:
    case opcode::read_by_type:
    case opcode::read_by_group_type:
      return parse_search(code, body);
    case opcode::read:
    case opcode::read_blob:
      return parse_read(code, body);
    case opcode::write_request:
      if (body.size() < handle_size) return malformed(code);
      return Write{number_at(body, 0), body.subspan(handle_size), true};
    case opcode::write_command:
      if (body.size() < handle_size) return Ignored{};
      return Write{number_at(body, 0), body.subspan(handle_size), false};
    default:
      break;
  }
  // Answers have odd numbers, and commands need none.
  if (code % 2 != 0 || (code & command_flag) != 0 || code == opcode::confirmation) return Ignored{};
  return Refused{code, error::not_supported};
}

}  // namespace ferry::ble::att
