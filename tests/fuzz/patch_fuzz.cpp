// Patches as they come over the link: whatever a head says, a step stays within its memory and its
// window; whatever a frame holds, it makes the segment or is refused.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "formats/patch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ferry;
  const Bytes content(reinterpret_cast<const std::byte*>(data), size);
  static auto decoder = formats::PatchDecoder::make();
  if (!decoder) std::abort();

  std::vector<std::byte> out(std::min<std::size_t>(size * 4 + 1, 65536));
  const std::size_t half = size / 2;
  (void)decoder->decode(content.first(half), content.subspan(half), out);

  const auto head = formats::parse_patch_head(content);
  if (!head) return 0;
  if (head->head_size() != size || formats::write_patch_head(*head) != as_text(content))
    std::abort();
  std::uint64_t target = 0;
  for (std::size_t i = 0; i < head->segments.size(); ++i) {
    const formats::PatchSegment& segment = head->segments[i];
    target += head->target_bytes(i);
    if (segment.window_offset + segment.window_size > head->base_size) std::abort();
    const std::uint64_t memory =
        std::uint64_t{segment.window_size} + segment.frame_size + head->target_bytes(i);
    if (memory > formats::patch_memory_limit) std::abort();
  }
  if (target != head->target_size) std::abort();
  return 0;
}
