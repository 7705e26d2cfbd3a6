// Console framing: garbage neither grows nor sticks, it does not matter how the bytes are cut, and
// a packet after any garbage arrives.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "transports/smp/console.hpp"

namespace {

using namespace ferry;

struct Taken {
  std::vector<std::string> packets;
  std::vector<std::string> text;
};

Taken take(Bytes content, std::size_t piece, smp::ConsoleOptions options, std::string_view then) {
  Taken taken;
  smp::ConsoleDecoder decoder(
      options, [&](Bytes packet) { taken.packets.emplace_back(as_text(packet)); },
      [&](std::string_view line) { taken.text.emplace_back(line); });
  for (std::size_t at = 0; at < content.size(); at += piece) {
    decoder.feed(content.subspan(at, std::min(piece, content.size() - at)));
  }
  decoder.feed(as_bytes(then));
  return taken;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes content(reinterpret_cast<const std::byte*>(data), size);
  smp::ConsoleOptions options;
  options.packet_limit = 500;
  options.text_limit = 40;
  const std::string good = smp::encode({smp::Op::read, 1, 8, 77, 2}, std::string(200, '\x5A'));
  const std::string encoded = smp::encode_console(as_bytes(good));

  const Taken whole = take(content, size + 1, options, encoded);
  const Taken pieces = take(content, 7, options, encoded);
  if (whole.packets != pieces.packets || whole.text != pieces.text) std::abort();
  if (whole.packets.empty() || whole.packets.back() != good) std::abort();
  for (const std::string& packet : whole.packets) {
    if (packet.size() > options.packet_limit) std::abort();
  }
  for (const std::string& line : whole.text) {
    if (line.empty() || line.size() > options.text_limit) std::abort();
  }

  options.raw = true;
  const Taken raw = take(content, 3, options, {});
  for (const std::string& packet : raw.packets) {
    if (!smp::peek(as_bytes(packet)) && (static_cast<unsigned>(packet[0]) & 4U) == 0) std::abort();
  }

  // Any packet comes back from its framing.
  const Bytes packet = content.first(std::min<std::size_t>(size, smp::packet_limit));
  const std::string framed = smp::encode_console(packet);
  if (framed.size() != smp::console_encoded_size(packet.size())) std::abort();
  const Taken back = take(as_bytes(framed), framed.size(), {}, {});
  if (back.packets.size() != 1 || back.packets[0] != as_text(packet)) std::abort();
  return 0;
}
