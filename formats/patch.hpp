// Patches: how an artifact is made from an older one, or from its own compressed form
// (docs/release-format.md, "Patches"). A head, which release documents pin by its SHA-256, then one
// frame of zstd for each segment of the target; the head pins each frame in turn. A frame may refer
// to a window of the base, so a segment is made with nothing in memory but frame, window and
// segment.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace ferry::formats {

inline constexpr std::size_t patch_head_limit = 256U << 10U;  // bytes
// What one step of a patch takes at most: a frame, its window and the segment.
inline constexpr std::uint64_t patch_memory_limit = 15U << 20U;  // bytes
// Segments shorter than that would make heads long.
inline constexpr std::uint32_t patch_segment_least = 64U << 10U;  // bytes

struct PatchSegment {
  std::uint64_t window_offset = 0;  // in the base
  std::uint32_t window_size = 0;    // bytes; 0 = the frame stands alone
  std::uint32_t frame_size = 0;     // bytes in the patch
  Sha256 frame;                     // of the frame
};

struct PatchHead {
  std::uint64_t target_size = 0;   // bytes
  std::uint64_t base_size = 0;     // bytes; 0 = there is no base
  std::uint32_t segment_size = 0;  // bytes of the target in each segment; the last may be shorter
  std::vector<PatchSegment> segments;

  std::uint64_t head_size() const;  // bytes before the first frame
  std::uint64_t size() const;       // of the whole patch
  std::uint32_t target_bytes(std::size_t segment) const;
};

// Everything is checked: counts against sizes, windows against the base, and what a step takes
// against patch_memory_limit.
Result<PatchHead> parse_patch_head(Bytes head);
std::string write_patch_head(const PatchHead& head);

// Makes segments. Not thread-safe.
class PatchDecoder {
 public:
  static Result<PatchDecoder> make();
  PatchDecoder(PatchDecoder&&) noexcept;
  PatchDecoder& operator=(PatchDecoder&&) noexcept;
  ~PatchDecoder();

  // The frame, whose hash the caller has checked, and the bytes of its window. Fills `segment`
  // exactly; ErrorCode::corrupt when the frame holds anything else.
  Status decode(Bytes frame, Bytes window, std::span<std::byte> segment);

 private:
  struct State;
  explicit PatchDecoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ferry::formats
