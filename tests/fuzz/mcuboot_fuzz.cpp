// MCUboot images: whatever the content, reads stay within it, and what is accepted makes sense.
#include "formats/mcuboot.hpp"

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
  const auto image = formats::inspect_mcuboot(read, size);
  if (!image) {
    const ErrorCode code = image.error().code;
    if (code != ErrorCode::invalid && code != ErrorCode::corrupt) std::abort();
    return 0;
  }
  if (!formats::is_mcuboot(content) || image->total_size > size) std::abort();
  if (image->hash.size() < 32 || image->version.text().empty()) std::abort();
  const bool checked = image->check == formats::McubootCheck::matches;
  if (checked == image->encrypted) std::abort();
  return 0;
}
