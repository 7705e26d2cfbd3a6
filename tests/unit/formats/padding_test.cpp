#include "formats/padding.hpp"

#include <gtest/gtest.h>

namespace ferry::formats {
namespace {

// What the updater in the field hashes of a partition of `size` bytes: first size % 512 bytes, then
// as many blocks of 512 as its loop counts, but one.
std::uint64_t hashed_by_client(std::uint64_t size) {
  const std::uint64_t rounds = (size + block_size - 1) / block_size;
  return rounds == 0 ? 0 : size % block_size + (rounds - 1) * block_size;
}

TEST(Padding, SkipLastMakesTheClientHashEverything) {
  for (const std::uint64_t size : {1U, 511U, 512U, 513U, 1024U, 4096U, 4100U, 1558512U}) {
    const Padding padding = padding_for(size, BlockCheck::skip_last);
    const std::uint64_t announced = size + padding.appended;
    EXPECT_EQ(hashed_by_client(announced), announced) << size;
    EXPECT_EQ(padding.left_out, 0U) << size;
    EXPECT_EQ(padding.appended, size % block_size == 0 ? 4U : 0U) << size;
  }
}

TEST(Padding, WholeBlocksAnnouncesAMultipleAndHashesAllButTheLast) {
  for (const std::uint64_t size : {1U, 511U, 512U, 513U, 1024U, 4100U}) {
    const Padding padding = padding_for(size, BlockCheck::whole_blocks);
    const std::uint64_t announced = size + padding.appended;
    EXPECT_EQ(announced % block_size, 0U) << size;
    EXPECT_LT(padding.appended, block_size) << size;
    EXPECT_EQ(hashed_by_client(announced), announced - padding.left_out) << size;
  }
}

TEST(Padding, WantedDigestsResolveToComputableOnes) {
  EXPECT_EQ(digest_kind("sha256/skip-last", 1024), "sha256+4");
  EXPECT_EQ(digest_kind("sha256/skip-last", 1025), "sha256");
  EXPECT_EQ(digest_kind("sha256/whole-blocks", 1024), "sha256-512");
  EXPECT_EQ(digest_kind("sha256/whole-blocks", 1025), "sha256+511-512");
  EXPECT_EQ(digest_kind("sha1", 1024), "sha1");
  EXPECT_EQ(digest_kind(wanted_digest(block_check_from("whole-blocks")), 512), "sha256-512");
  EXPECT_EQ(digest_kind(wanted_digest(block_check_from("skip-last")), 512), "sha256+4");
}

TEST(Padding, TheDigestThatImagesEndWithLeavesItselfOut) {
  EXPECT_EQ(digest_kind(appended_digest, 1000), "sha256-32");
  EXPECT_EQ(digest_kind(appended_digest, 33), "sha256-32");
  EXPECT_EQ(digest_kind(appended_digest, 32), "sha256");
  EXPECT_EQ(digest_kind(appended_digest, 0), "sha256");
}

}  // namespace
}  // namespace ferry::formats
