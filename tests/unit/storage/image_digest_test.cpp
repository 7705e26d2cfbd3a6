// How devices name an image: the hash that MCUboot images carry.
#include <gmock/gmock.h>

#include "tests/unit/storage/store_bench.hpp"

namespace ferry::storage::testing {
namespace {

void append(std::vector<std::byte>& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    out.push_back(std::byte(i < 8 ? value >> (8U * i) & 0xFFU : 0));
}

std::string hash_of(const std::vector<std::byte>& hashed) {
  return Sha256::of(hashed).hex();
}

// A header of 32 bytes and a body, without the TLVs.
std::vector<std::byte> header_and_body(const std::vector<std::byte>& body) {
  std::vector<std::byte> out;
  append(out, 0x96f3b83d, 4);
  append(out, 0, 4);
  append(out, 32, 2);
  append(out, 0, 2);
  append(out, body.size(), 4);
  append(out, 0, 16);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

std::vector<std::byte> image_of(const std::vector<std::byte>& body) {
  std::vector<std::byte> out = header_and_body(body);
  const Sha256 hash = Sha256::of(out);
  append(out, 0x6907, 2);
  append(out, 4 + 4 + 32, 2);
  append(out, 0x10, 2);
  append(out, 32, 2);
  const Bytes raw(hash.bytes);
  out.insert(out.end(), raw.begin(), raw.end());
  return out;
}

using ImageDigestTest = StoreTest;

TEST_F(ImageDigestTest, IsTheHashInTheTlvs) {
  const auto body = random_bytes(600'000, 1);
  const auto image = image_of(body);
  open();
  ASSERT_OK(admit("1.0", {image}, "pack"));
  for (int round = 0; round < 2; ++round) {  // computed, then from the cache
    EXPECT_EQ(store->releases().digest(Sha256::of(image), "mcuboot").value(),
              hash_of(header_and_body(body)));
    open();
  }
}

TEST_F(ImageDigestTest, IsNothingForWhatIsNoImage) {
  const auto content = random_bytes(600'000, 1);
  auto broken = image_of(random_bytes(1000, 2));
  broken[100] ^= std::byte{1};
  open();
  ASSERT_OK(admit("1.0", {content, broken, {}}, "pack"));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(store->releases().digest(Sha256::of(content), "mcuboot").value(), "");
    EXPECT_EQ(store->releases().digest(Sha256::of(broken), "mcuboot").value(), "");
    EXPECT_EQ(store->releases().digest(Sha256::of({}), "mcuboot").value(), "");
    open();
  }
  expect_everything_whole(3);
}

TEST_F(ImageDigestTest, OfRottenBytesIsNeverGiven) {
  const auto image = image_of(random_bytes(300'000, 1));
  open();
  ASSERT_OK(admit("1.0", {image}, "pack"));
  rot("pack");
  EXPECT_FAILS(store->releases().digest(Sha256::of(image), "mcuboot"), corrupt);
  expect_everything_whole(0);
}

}  // namespace
}  // namespace ferry::storage::testing
