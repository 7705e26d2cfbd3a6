#include "formats/patch_encoder.hpp"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <unordered_map>
#include <utility>

namespace ferry::formats {
namespace {

constexpr std::uint64_t window_bytes = 10U << 20U;
// With a window beside it, a segment and a frame that could not be made smaller just fit.
constexpr std::uint32_t segment_bytes = 2U << 20U;
// Alone it may be longer, which is what it is compressed with.
constexpr std::uint32_t lone_segment_bytes = 6U << 20U;
constexpr int level = 19;       // the highest that needs no more memory than others
constexpr int window_log = 24;  // 16 MiB: window and segment

std::uint32_t segment_size_for(const PatchContent* base) {
  return base == nullptr ? lone_segment_bytes : segment_bytes;
}

// Where in the base the blocks of a segment come from.
class BlockIndex {
 public:
  Status build(const PatchContent& base) {
    size_ = base.size;
    std::vector<std::byte> piece(1U << 20U);
    for (std::uint64_t at = 0; at < base.size; at += piece.size()) {
      const std::size_t length = std::min<std::uint64_t>(piece.size(), base.size - at);
      const std::span<std::byte> read(piece.data(), length);
      if (Status got = base.read(at, read); !got) return got;
      for (std::size_t i = 0; i + block <= length; i += block) {
        const auto [known, fresh] = places_.emplace(hash(read.subspan(i, block)), at + i);
        // What occurs in many places, like runs of zeros, tells none.
        if (!fresh) known->second = nowhere;
      }
    }
    return {};
  }

  // The beginning of the window; `expected` is where it would be if nothing had moved.
  std::uint64_t find(Bytes segment, std::uint64_t expected) const {
    const std::vector<unsigned> votes = vote(segment);
    const std::size_t span = window_bytes / bucket;
    const std::size_t last = votes.size() > span ? votes.size() - span : 0;
    std::pair<unsigned, std::int64_t> best{0, 0};
    std::uint64_t found = expected;
    for (std::size_t first = 0; first <= last; ++first) {
      unsigned sum = 0;
      for (std::size_t i = first; i < std::min(first + span, votes.size()); ++i) sum += votes[i];
      const auto begin = static_cast<std::int64_t>(first * bucket);
      const std::pair<unsigned, std::int64_t> rank{
          sum, -std::abs(begin - static_cast<std::int64_t>(expected))};
      if (sum == 0 || rank <= best) continue;
      best = rank;
      found = first * bucket;
    }
    return std::min(found, size_ - window_bytes);
  }

 private:
  static constexpr std::size_t block = 64;
  static constexpr std::uint64_t bucket = 512U << 10U;
  static constexpr std::uint64_t nowhere = ~std::uint64_t{0};
  static constexpr std::uint64_t prime = 0x9E3779B97F4A7C15U;  // odd, its bits well spread

  static std::uint64_t hash(Bytes bytes) {
    std::uint64_t value = 0;
    for (const std::byte byte : bytes) value = value * prime + std::to_integer<unsigned>(byte) + 1;
    return value;
  }

  // How many blocks of each bucket of the base occur in the segment, at whatever byte.
  std::vector<unsigned> vote(Bytes segment) const {
    std::vector<unsigned> votes(size_ / bucket + 1);
    if (segment.size() < block) return votes;
    std::uint64_t oldest = 1;  // what the oldest byte of a block is multiplied with
    for (std::size_t i = 1; i < block; ++i) oldest *= prime;
    std::uint64_t value = hash(segment.first(block));
    for (std::size_t at = 0;; ++at) {
      const auto known = places_.find(value);
      if (known != places_.end() && known->second != nowhere) ++votes[known->second / bucket];
      if (at + block == segment.size()) return votes;
      value -= oldest * (std::to_integer<unsigned>(segment[at]) + 1);
      value = value * prime + std::to_integer<unsigned>(segment[at + block]) + 1;
    }
  }

  std::unordered_map<std::uint64_t, std::uint64_t> places_;  // of blocks, by their hash
  std::uint64_t size_ = 0;
};

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

class Encoding {
 public:
  Encoding(const PatchContent* base, const PatchContent& target,
           const std::function<Status(Bytes)>& sink)
      : base_(base), target_(target), sink_(sink) {}

  Result<PatchHead> run() {
    if (target_.size == 0) return fail(ErrorCode::invalid, "patch: its target is empty");
    if (!context_) return fail(ErrorCode::io, "patch: no memory for the encoder");
    head_.target_size = target_.size;
    head_.base_size = base_ == nullptr ? 0 : base_->size;
    head_.segment_size = segment_size_for(base_);
    frame_.resize(ZSTD_compressBound(head_.segment_size));
    if (head_.base_size > window_bytes) {
      if (Status built = index_.build(*base_); !built) return fail(built.error());
    }
    for (std::uint64_t at = 0; at < target_.size; at += head_.segment_size) {
      if (Status done = encode(at); !done) return fail(done.error());
    }
    return std::move(head_);
  }

 private:
  Status encode(std::uint64_t at) {
    segment_.resize(std::min<std::uint64_t>(head_.segment_size, target_.size - at));
    if (Status got = target_.read(at, segment_); !got) return got;
    PatchSegment made;
    if (Status got = read_window(at, made); !got) return got;
    ZSTD_CCtx* context = context_.get();
    ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1);
    ZSTD_CCtx_refPrefix(context, window_.data(), window_.size());
    const std::size_t size =
        ZSTD_compress2(context, frame_.data(), frame_.size(), segment_.data(), segment_.size());
    if (ZSTD_isError(size) != 0U) {
      return fail(ErrorCode::io, fmt::format("patch: {}", ZSTD_getErrorName(size)));
    }
    const Bytes frame(frame_.data(), size);
    made.frame_size = static_cast<std::uint32_t>(size);
    made.frame = Sha256::of(frame);
    head_.segments.push_back(made);
    return sink_(frame);
  }

  Status read_window(std::uint64_t at, PatchSegment& made) {
    if (base_ == nullptr) return {};
    window_.resize(std::min<std::uint64_t>(window_bytes, base_->size));
    if (base_->size > window_bytes) {
      // In the middle of what would be the same place if both were stretched to one length.
      const double place = static_cast<double>(at) / static_cast<double>(target_.size) *
                           static_cast<double>(base_->size);
      const double begin = place - static_cast<double>(window_bytes - segment_bytes) / 2;
      made.window_offset = index_.find(segment_, static_cast<std::uint64_t>(std::max(begin, 0.0)));
    }
    made.window_size = static_cast<std::uint32_t>(window_.size());
    return base_->read(made.window_offset, window_);
  }

  const PatchContent* base_;
  const PatchContent& target_;
  const std::function<Status(Bytes)>& sink_;
  const std::unique_ptr<ZSTD_CCtx, FreeContext> context_{ZSTD_createCCtx()};
  BlockIndex index_;
  PatchHead head_;
  std::vector<std::byte> segment_;
  std::vector<std::byte> window_;
  std::vector<std::byte> frame_;
};

}  // namespace

Result<PatchHead> encode_patch(const PatchContent* base, const PatchContent& target,
                               const std::function<Status(Bytes frame)>& sink) {
  return Encoding(base, target, sink).run();
}

std::uint64_t planned_head_size(const PatchContent* base, const PatchContent& target) {
  PatchHead planned;
  const std::uint64_t segment = segment_size_for(base);
  planned.segments.resize((target.size + segment - 1) / segment);
  return planned.head_size();
}

}  // namespace ferry::formats
