#include "transports/ble/att.hpp"

#include <fmt/format.h>

#include <array>

#include "transports/ble/numbers.hpp"

namespace ferry::ble::att {
namespace {

constexpr std::uint16_t primary_service = 0x2800;

std::string begin(std::uint8_t code) {
  return std::string(1, static_cast<char>(code));
}
std::string begin(std::uint8_t code, Range range) {
  std::string out = begin(code);
  put_number(out, range.first);
  put_number(out, range.last);
  return out;
}

std::optional<Packet> parse_groups(Bytes body) {
  constexpr std::size_t entry = 2 * handle_size;
  if (body.empty() || body.size() % entry != 0) return std::nullopt;
  Groups groups;
  for (std::size_t at = 0; at < body.size(); at += entry) {
    const Range range{number_at(body, at), number_at(body, at + handle_size)};
    if (range.first == 0 || range.last < range.first) return std::nullopt;
    groups.ranges.push_back(range);
  }
  return groups;
}

std::optional<Packet> parse_attributes(Bytes body) {
  if (body.empty()) return std::nullopt;
  const std::size_t entry = byte_at(body, 0);
  const Bytes list = body.subspan(1);
  if (entry < handle_size || list.empty() || list.size() % entry != 0) return std::nullopt;
  Attributes attributes;
  for (std::size_t at = 0; at < list.size(); at += entry) {
    const std::uint16_t handle = number_at(list, at);
    if (handle == 0) return std::nullopt;
    attributes.list.push_back({handle, list.subspan(at + handle_size, entry - handle_size)});
  }
  return attributes;
}

std::optional<Packet> parse_descriptors(Bytes body) {
  if (body.empty()) return std::nullopt;
  const std::uint8_t format = byte_at(body, 0);
  if (format != 1 && format != 2) return std::nullopt;
  const std::size_t type_size = format == 1 ? 2 : 16;
  const std::size_t entry = handle_size + type_size;
  const Bytes list = body.subspan(1);
  if (list.empty() || list.size() % entry != 0) return std::nullopt;
  Descriptors descriptors;
  for (std::size_t at = 0; at < list.size(); at += entry) {
    const std::uint16_t handle = number_at(list, at);
    const auto type = uuid_from(list.subspan(at + handle_size, type_size));
    if (handle == 0 || !type) return std::nullopt;
    descriptors.list.push_back({handle, *type});
  }
  return descriptors;
}

std::optional<Packet> parse_value(Bytes body, bool indicated) {
  if (body.size() < handle_size) return std::nullopt;
  return Value{number_at(body, 0), body.subspan(handle_size), indicated};
}

}  // namespace

std::optional<Packet> parse(Bytes packet) {
  if (packet.empty()) return std::nullopt;
  const std::uint8_t code = byte_at(packet, 0);
  const Bytes body = packet.subspan(1);
  switch (code) {
    case opcode::error:
      if (body.size() != 4) return std::nullopt;
      return Error{byte_at(body, 0), number_at(body, 1), byte_at(body, 3)};
    case opcode::mtu_request:
    case opcode::mtu_answer:
      if (body.size() != 2) return std::nullopt;
      return Mtu{number_at(body, 0), code == opcode::mtu_request};
    case opcode::find_by_type_value_answer:
      return parse_groups(body);
    case opcode::read_by_type_answer:
      return parse_attributes(body);
    case opcode::find_information_answer:
      return parse_descriptors(body);
    case opcode::write_answer:
      if (!body.empty()) return std::nullopt;
      return Written{};
    case opcode::notification:
    case opcode::indication:
      return parse_value(body, code == opcode::indication);
    case opcode::confirmation:
      return Ignored{};
    default:
      break;
  }
  // Requests have even numbers, their answers the odd ones behind them.
  if ((code & command_flag) != 0 || code % 2 != 0) return Ignored{};
  return OtherRequest{code};
}

std::string mtu(std::uint16_t mtu, bool request) {
  std::string out = begin(request ? opcode::mtu_request : opcode::mtu_answer);
  put_number(out, mtu);
  return out;
}

std::string find_service(Range within, const Uuid& service) {
  std::string out = begin(opcode::find_by_type_value, within);
  put_number(out, primary_service);
  if (const auto assigned = service.assigned()) {
    put_number(out, *assigned);
    return out;
  }
  for (const std::uint8_t byte : service.bytes) out += static_cast<char>(byte);
  return out;
}

std::string read_by_type(Range within, std::uint16_t type) {
  std::string out = begin(opcode::read_by_type, within);
  put_number(out, type);
  return out;
}

std::string find_information(Range within) {
  return begin(opcode::find_information, within);
}

std::string write_request(std::uint16_t handle, std::string_view value) {
  std::string out = begin(opcode::write_request);
  put_number(out, handle);
  return out.append(value);
}

std::string write_command(std::uint16_t handle, std::string_view value) {
  std::string out = begin(opcode::write_command);
  put_number(out, handle);
  return out.append(value);
}

std::string error_answer(const Error& error) {
  std::string out = begin(opcode::error);
  out += static_cast<char>(error.request);
  put_number(out, error.handle);
  out += static_cast<char>(error.code);
  return out;
}

std::string confirmation() {
  return begin(opcode::confirmation);
}

std::string describe(std::uint8_t code) {
  static constexpr std::array<const char*, 0x12> words = {"no error",
                                                          "no such handle",
                                                          "may not be read",
                                                          "may not be written",
                                                          "it was no packet for it",
                                                          "it wants to be paired first",
                                                          "it does not know the request",
                                                          "an offset beyond the value",
                                                          "it does not allow it",
                                                          "too much was prepared",
                                                          "there is none",
                                                          "too long for this request",
                                                          "its key is too short",
                                                          "a value of a wrong length",
                                                          "an error of its own",
                                                          "it wants an encrypted link",
                                                          "no such kind of group",
                                                          "no memory"};
  if (code < words.size()) return fmt::format("{} (ATT error 0x{:02x})", words[code], code);
  return fmt::format("ATT error 0x{:02x}", code);
}

}  // namespace ferry::ble::att
