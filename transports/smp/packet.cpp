#include "transports/smp/packet.hpp"

#include <utility>

#include "transports/smp/codes.hpp"

namespace ferry::smp {
namespace {

unsigned byte_at(Bytes bytes, std::size_t at) {
  return std::to_integer<unsigned>(bytes[at]);
}

std::uint16_t short_at(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8U | byte_at(bytes, at + 1));
}

}  // namespace

void append_short(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8U & 0xFFU);
  out += static_cast<char>(value & 0xFFU);
}

std::string encode(const Header& header, std::string_view body) {
  std::string out;
  out.reserve(header_size + body.size());
  const unsigned first = (header.version & 3U) << 3U | static_cast<unsigned>(header.op);
  out += static_cast<char>(first);
  out += '\0';
  append_short(out, body.size());
  append_short(out, header.group);
  out += static_cast<char>(header.sequence);
  out += static_cast<char>(header.command);
  out += body;
  return out;
}

std::optional<Header> peek(Bytes packet) {
  if (packet.size() < header_size || packet.size() > packet_limit) return std::nullopt;
  if (short_at(packet, 2) != packet.size() - header_size) return std::nullopt;
  const unsigned operation = byte_at(packet, 0) & 7U;
  if (operation > static_cast<unsigned>(Op::write_answer)) return std::nullopt;
  Header header;
  header.op = static_cast<Op>(operation);
  header.version = static_cast<std::uint8_t>(byte_at(packet, 0) >> 3U & 3U);
  header.group = short_at(packet, 4);
  header.sequence = static_cast<std::uint8_t>(byte_at(packet, 6));
  header.command = static_cast<std::uint8_t>(byte_at(packet, 7));
  return header;
}

Result<Packet> decode(Bytes packet) {
  const std::optional<Header> header = peek(packet);
  if (!header) return fail(ErrorCode::invalid, "SMP packet: no header that fits its length");
  Packet decoded;
  decoded.header = *header;
  decoded.body = Json::object();
  const Bytes content = packet.subspan(header_size);
  if (content.empty()) return decoded;
  Result<Json> body = formats::parse_cbor(content, "SMP packet");
  if (!body) return fail(body.error());
  if (!body->is_object()) return fail(ErrorCode::invalid, "SMP packet: its content is no map");
  decoded.body = std::move(*body);
  return decoded;
}

std::optional<DeviceError> error_in(const Json& body) {
  if (!body.is_object()) return std::nullopt;
  DeviceError error;
  if (const auto nested = body.find("err"); nested != body.end() && nested->is_object()) {
    const auto code = nested->find("rc");
    if (code == nested->end() || !code->is_number_unsigned()) return std::nullopt;
    error.code = code->get<std::uint64_t>();
    if (error.code == 0) return std::nullopt;
    const auto group = nested->find("group");
    if (group != nested->end() && group->is_number_unsigned() && *group <= 0xFFFFU) {
      error.group = group->get<std::uint16_t>();
    }
    return error;
  }
  const auto code = body.find("rc");
  if (code == body.end() || !code->is_number_integer()) return std::nullopt;
  if (*code == 0) return std::nullopt;
  // A negative code is the operating system's there; it stands for no code of the protocol.
  error.code = code->is_number_unsigned() ? code->get<std::uint64_t>()
                                          : static_cast<std::uint64_t>(Code::unknown);
  return error;
}

}  // namespace ferry::smp
