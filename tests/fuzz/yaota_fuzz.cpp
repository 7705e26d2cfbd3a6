// Containers of yaota8266, and the sender that replays them: what was not checked is never sent
// beyond its bounds, and ends.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "transports/udp/yaota.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ferry;
  const Bytes content(reinterpret_cast<const std::byte*>(data), size);
  const formats::ReadContent read = [&](std::uint64_t offset, std::span<std::byte> out) -> Status {
    if (offset + out.size() > content.size()) std::abort();
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  };
  const auto found = formats::inspect_yaota(read, size);
  if (found && (found->image_size > size || found->packets == 0)) std::abort();

  udp::YaotaFile file;
  file.size = size;
  file.read = [&](std::uint64_t offset, std::span<std::byte> out) {
    return read(offset, out).has_value();
  };
  udp::YaotaSender::TimePoint now{};
  udp::YaotaSender sender(std::move(file), udp::YaotaSender::Milliseconds(300), now);
  bool answers = true;
  for (int steps = 0; !sender.ended(); ++steps) {
    if (const auto packet = sender.next_output(now)) {
      answers = steps < 10000 && (packet->size() % 7 != 3 || !answers);
      if (answers) sender.received(as_bytes(*packet), now);
      continue;
    }
    const auto due = sender.deadline();
    if (!due) std::abort();
    now = std::max(now, *due);
    sender.on_time(now);
  }
  if (found && sender.ended() == udp::YaotaEnd::unreadable) std::abort();
  return 0;
}
