// Packets of the link between agent and host, whatever their headers say: bounded, and in order.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/link.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t limit = 1024;
  ferry::link::Assembler assembler(limit);
  // The first byte is the length of the first packet, and so on.
  while (size > 0) {
    const std::size_t length = std::min<std::size_t>(data[0], size - 1);
    const auto message = assembler.take({reinterpret_cast<const std::byte*>(data + 1), length});
    if (!message) return 0;
    if (message->has_value() && ((*message)->empty() || (*message)->size() > limit)) std::abort();
    data += 1 + length;
    size -= 1 + length;
  }
  return 0;
}
