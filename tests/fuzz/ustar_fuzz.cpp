// Archives for devices: whatever the content, reads stay within it, and what is accepted fits in
// it.
#include "formats/ustar.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ferry;
  const Bytes content(reinterpret_cast<const std::byte*>(data), size);
  const formats::ReadContent read = [&](std::uint64_t offset, std::span<std::byte> out) -> Status {
    if (offset > content.size() || out.size() > content.size() - offset) std::abort();
    const Bytes from = content.subspan(static_cast<std::size_t>(offset), out.size());
    std::copy(from.begin(), from.end(), out.begin());
    return {};
  };
  const auto archive = formats::inspect_ustar(read, size);
  if (!archive) {
    if (archive.error().code != ErrorCode::invalid) std::abort();
    return 0;
  }
  const std::uint64_t blocks = archive->files + archive->folders + 2;
  if (blocks * 512 + archive->bytes > size) std::abort();
  return 0;
}
