#include "formats/patch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "formats/patch_encoder.hpp"

namespace ferry::formats {
namespace {

using testing::HasSubstr;

constexpr std::size_t mib = 1U << 20U;

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string made(size, '\0');
  for (char& byte : made) byte = static_cast<char>(random());
  return made;
}

PatchContent content_of(const std::string& text) {
  PatchContent content;
  content.size = text.size();
  content.read = [&text](std::uint64_t offset, std::span<std::byte> out) -> Status {
    EXPECT_LE(offset + out.size(), text.size());
    const Bytes from = as_bytes(text).subspan(offset, out.size());
    std::copy(from.begin(), from.end(), out.begin());
    return {};
  };
  return content;
}

struct Made {
  PatchHead head;
  std::vector<std::string> frames;
};

Made make_patch(const std::string* base, const std::string& target) {
  Made made;
  const PatchContent to = content_of(target);
  const PatchContent from = base == nullptr ? PatchContent() : content_of(*base);
  const auto head = encode_patch(base == nullptr ? nullptr : &from, to, [&](Bytes frame) -> Status {
    made.frames.emplace_back(as_text(frame));
    return {};
  });
  EXPECT_TRUE(head) << head.error().message;
  made.head = *head;
  EXPECT_EQ(planned_head_size(base == nullptr ? nullptr : &from, to), made.head.head_size());
  return made;
}

// As a gateway does it: each segment from its frame and its window alone.
Result<std::string> apply(const Made& made, const std::string& base) {
  auto decoder = PatchDecoder::make();
  EXPECT_TRUE(decoder);
  std::string target;
  for (std::size_t i = 0; i < made.frames.size(); ++i) {
    const PatchSegment& segment = made.head.segments[i];
    std::vector<std::byte> out(made.head.target_bytes(i));
    const Bytes window = as_bytes(base).subspan(segment.window_offset, segment.window_size);
    const Status done = decoder->decode(as_bytes(made.frames[i]), window, out);
    if (!done) return fail(done.error());
    target += as_text(out);
  }
  return target;
}

TEST(Patches, MakeTheTargetFromItsBase) {
  const std::string base = noise(5 * mib + 77, 1);
  std::string target = base.substr(0, 3 * mib) + "a new function" + base.substr(3 * mib);
  target.replace(100, 4, "\1\2\3\4");
  const Made made = make_patch(&base, target);
  EXPECT_EQ(made.head.segments.size(), 3U);
  const auto applied = apply(made, base);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_TRUE(*applied == target);
  EXPECT_LT(made.head.size(), target.size() / 100);
}

TEST(Patches, FindWhatMovedFurtherThanAWindowIsLong) {
  const std::string base = noise(14 * mib, 2);
  const std::string target = base.substr(12 * mib);
  const Made made = make_patch(&base, target);
  const auto applied = apply(made, base);
  ASSERT_TRUE(applied);
  EXPECT_TRUE(*applied == target);
  EXPECT_LT(made.head.size(), target.size() / 20);
}

TEST(Patches, WithoutABaseAreTheTargetCompressed) {
  std::string target;
  while (target.size() < 13 * mib) target += "line " + std::to_string(target.size()) + "\n";
  const Made made = make_patch(nullptr, target);
  EXPECT_EQ(made.head.base_size, 0U);
  EXPECT_EQ(made.head.segments.size(), 3U);
  const auto applied = apply(made, "");
  ASSERT_TRUE(applied);
  EXPECT_TRUE(*applied == target);
  EXPECT_LT(made.head.size(), target.size() / 4);
}

TEST(Patches, NeverTakeMoreMemoryThanTheyMayEvenForNoise) {
  const std::string base = noise(11 * mib, 4);
  const std::string target = noise(2 * mib + 1, 5);
  for (const std::string* from : {&base, static_cast<const std::string*>(nullptr)}) {
    const Made made = make_patch(from, target);
    const auto parsed = parse_patch_head(as_bytes(write_patch_head(made.head)));
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_TRUE(*apply(made, base) == target);
  }
}

TEST(Patches, RefuseAnEmptyTarget) {
  const PatchContent nothing = content_of("");
  const auto head = encode_patch(nullptr, nothing, [](Bytes) { return Status(); });
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().code, ErrorCode::invalid);
}

class PatchHeads : public testing::Test {
 protected:
  PatchHeads() {
    head_.target_size = 3 * mib;
    head_.base_size = 4 * mib;
    head_.segment_size = 2 * mib;
    head_.segments = {{0, 4 * mib, 1000, Sha256::of(as_bytes("one"))},
                      {1 * mib, 3 * mib, 2000, Sha256::of(as_bytes("two"))}};
  }
  std::string why_refused() const {
    const auto parsed = parse_patch_head(as_bytes(write_patch_head(head_)));
    return parsed ? "taken" : parsed.error().message;
  }
  PatchHead head_;
};

TEST_F(PatchHeads, AreReadAsTheyWereWritten) {
  const std::string written = write_patch_head(head_);
  EXPECT_EQ(written.size(), head_.head_size());
  EXPECT_EQ(head_.size(), head_.head_size() + 3000);
  const auto parsed = parse_patch_head(as_bytes(written));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(write_patch_head(*parsed), written);
  EXPECT_EQ(parsed->target_bytes(0), 2 * mib);
  EXPECT_EQ(parsed->target_bytes(1), 1 * mib);
  for (std::size_t cut = 0; cut < written.size(); ++cut) {
    EXPECT_FALSE(parse_patch_head(as_bytes(written).first(cut))) << cut;
  }
  EXPECT_FALSE(parse_patch_head(as_bytes(written + "x")));
}

TEST_F(PatchHeads, AreRefusedWhenAWindowLeavesTheBase) {
  head_.segments[1].window_offset = 1 * mib + 1;
  EXPECT_THAT(why_refused(), HasSubstr("segment 1 looks past the end of its base"));
  head_.segments[1].window_offset = ~std::uint64_t{0};
  EXPECT_THAT(why_refused(), HasSubstr("segment 1 looks past the end of its base"));
}

TEST_F(PatchHeads, AreRefusedWhenAStepWouldTakeTooMuchMemory) {
  head_.base_size = 64 * mib;
  head_.segments[0].window_size = 14 * mib;
  EXPECT_THAT(why_refused(), HasSubstr("segment 0 would take"));
  head_.segments[0].window_size = 0;
  head_.segments[0].frame_size = 14 * mib;
  EXPECT_THAT(why_refused(), HasSubstr("segment 0 would take"));
  head_.segments[0].frame_size = 0;
  EXPECT_THAT(why_refused(), HasSubstr("segment 0 would take"));
}

TEST_F(PatchHeads, AreRefusedWhenCountsAndSizesDoNotFit) {
  PatchHead good = head_;
  head_.segments.pop_back();
  EXPECT_THAT(why_refused(), HasSubstr("for 1 segments"));
  head_ = good;
  head_.segment_size = 1024;
  EXPECT_THAT(why_refused(), HasSubstr("segments of 1024 bytes"));
  head_ = good;
  head_.target_size = 0;
  EXPECT_THAT(why_refused(), HasSubstr("impossible size"));
  head_.target_size = std::uint64_t{5} << 30U;
  EXPECT_THAT(why_refused(), HasSubstr("impossible size"));
}

TEST(PatchDecoder, RefusesFramesOfOtherLengthsAndSpoiledOnes) {
  const std::string target = noise(100000, 6);
  Made made = make_patch(nullptr, target);
  auto decoder = PatchDecoder::make();
  ASSERT_TRUE(decoder);
  std::vector<std::byte> out(target.size() + 1);
  EXPECT_FALSE(decoder->decode(as_bytes(made.frames[0]), {}, out));
  EXPECT_FALSE(decoder->decode(as_bytes(made.frames[0]), {}, std::span(out).first(99999)));
  made.frames[0][10] ^= 1;
  made.frames[0].pop_back();
  const Status spoiled =
      decoder->decode(as_bytes(made.frames[0]), {}, std::span(out).first(100000));
  ASSERT_FALSE(spoiled);
  EXPECT_EQ(spoiled.error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace ferry::formats
