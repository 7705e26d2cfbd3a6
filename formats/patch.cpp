#include "formats/patch.hpp"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <numeric>

#include "formats/little_endian.hpp"
#include "formats/release.hpp"

namespace ferry::formats {
namespace {

constexpr std::string_view magic = "FerryPt1";
constexpr std::size_t fixed_bytes = 32;
constexpr std::size_t entry_bytes = 16 + 32;

Failure bad(std::string_view why) {
  return fail(ErrorCode::invalid, fmt::format("patch: {}", why));
}

std::uint64_t segment_count(const PatchHead& head) {
  return (head.target_size + head.segment_size - 1) / head.segment_size;
}

Status check_sizes(const PatchHead& head) {
  if (head.target_size == 0 || head.target_size > artifact_size_limit ||
      head.base_size > artifact_size_limit) {
    return bad("has an impossible size of target or base");
  }
  if (head.segment_size < patch_segment_least || head.segment_size > patch_memory_limit) {
    return bad(fmt::format("has segments of {} bytes", head.segment_size));
  }
  return {};
}

Status check_segment(const PatchHead& head, std::size_t number) {
  const PatchSegment& segment = head.segments[number];
  if (segment.window_size > head.base_size ||
      segment.window_offset > head.base_size - segment.window_size) {
    return bad(fmt::format("segment {} looks past the end of its base", number));
  }
  const std::uint64_t memory =
      std::uint64_t{segment.window_size} + segment.frame_size + head.target_bytes(number);
  if (segment.frame_size == 0 || memory > patch_memory_limit) {
    return bad(fmt::format("segment {} would take {} bytes of memory, of {} at most", number,
                           memory, patch_memory_limit));
  }
  return {};
}

}  // namespace

std::uint64_t PatchHead::head_size() const {
  return fixed_bytes + segments.size() * entry_bytes;
}

std::uint64_t PatchHead::size() const {
  return std::accumulate(
      segments.begin(), segments.end(), head_size(),
      [](std::uint64_t sum, const PatchSegment& segment) { return sum + segment.frame_size; });
}

std::uint32_t PatchHead::target_bytes(std::size_t segment) const {
  const std::uint64_t begin = std::uint64_t{segment_size} * segment;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(segment_size, target_size - begin));
}

Result<PatchHead> parse_patch_head(Bytes head) {
  if (head.size() < fixed_bytes || !as_text(head).starts_with(magic)) {
    return bad("is none: its first bytes are others");
  }
  PatchHead made;
  made.target_size = little_endian<std::uint64_t>(head, 8);
  made.base_size = little_endian<std::uint64_t>(head, 16);
  made.segment_size = little_endian<std::uint32_t>(head, 24);
  const std::uint32_t count = little_endian<std::uint32_t>(head, 28);
  if (Status good = check_sizes(made); !good) return fail(good.error());
  if (count != segment_count(made) || head.size() != fixed_bytes + count * entry_bytes) {
    return bad(fmt::format("has a head of {} bytes for {} segments", head.size(), count));
  }
  for (std::size_t at = fixed_bytes; at < head.size(); at += entry_bytes) {
    PatchSegment segment;
    segment.window_offset = little_endian<std::uint64_t>(head, at);
    segment.window_size = little_endian<std::uint32_t>(head, at + 8);
    segment.frame_size = little_endian<std::uint32_t>(head, at + 12);
    std::copy_n(head.begin() + static_cast<std::ptrdiff_t>(at) + 16, segment.frame.bytes.size(),
                segment.frame.bytes.begin());
    made.segments.push_back(segment);
    if (Status good = check_segment(made, made.segments.size() - 1); !good) {
      return fail(good.error());
    }
  }
  return made;
}

std::string write_patch_head(const PatchHead& head) {
  std::string made(magic);
  append_little_endian(made, head.target_size);
  append_little_endian(made, head.base_size);
  append_little_endian(made, head.segment_size);
  append_little_endian(made, static_cast<std::uint32_t>(head.segments.size()));
  for (const PatchSegment& segment : head.segments) {
    append_little_endian(made, segment.window_offset);
    append_little_endian(made, segment.window_size);
    append_little_endian(made, segment.frame_size);
    made += as_text(segment.frame.bytes);
  }
  return made;
}

struct PatchDecoder::State {
  struct Free {
    void operator()(ZSTD_DCtx* used) const { ZSTD_freeDCtx(used); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context{ZSTD_createDCtx()};
};

PatchDecoder::PatchDecoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
PatchDecoder::PatchDecoder(PatchDecoder&&) noexcept = default;
PatchDecoder& PatchDecoder::operator=(PatchDecoder&&) noexcept = default;
PatchDecoder::~PatchDecoder() = default;

Result<PatchDecoder> PatchDecoder::make() {
  auto state = std::make_unique<State>();
  if (!state->context) return fail(ErrorCode::io, "patch: no memory for the decoder");
  return PatchDecoder(std::move(state));
}

Status PatchDecoder::decode(Bytes frame, Bytes window, std::span<std::byte> segment) {
  ZSTD_DCtx* context = state_->context.get();
  ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
  // The window holds for the one frame that follows.
  if (ZSTD_isError(ZSTD_DCtx_refPrefix(context, window.data(), window.size())) != 0U) {
    return bad("its window is not taken");
  }
  const std::size_t made =
      ZSTD_decompressDCtx(context, segment.data(), segment.size(), frame.data(), frame.size());
  if (ZSTD_isError(made) != 0U) {
    return fail(ErrorCode::corrupt, fmt::format("patch: {}", ZSTD_getErrorName(made)));
  }
  if (made != segment.size()) {
    return fail(ErrorCode::corrupt,
                fmt::format("patch: a segment has {} bytes in place of {}", made, segment.size()));
  }
  return {};
}

}  // namespace ferry::formats
