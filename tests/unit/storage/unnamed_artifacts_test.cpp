// Artifacts whose SHA-256 nobody tells beforehand: a pack keeps them by a key until it is sealed.
#include "tests/unit/storage/pack_writer_fixture.hpp"

namespace ferry::storage::testing {
namespace {

const Sha256 key_one = Sha256::of(as_bytes("key 1"));
const Sha256 key_two = Sha256::of(as_bytes("key 2"));

class UnnamedArtifactsTest : public PackWriterTest {
 protected:
  PackWriter unnamed() {
    PackWriter pack = writer();
    pack.name_later();
    return pack;
  }
  static Status put(PackWriter& pack, const Sha256& key, const std::vector<std::byte>& content,
                    std::size_t until) {
    const auto have = pack.begin(key, content.size());
    if (!have) return fail(have.error());
    const Bytes all(content);
    if (Status stored = pack.append(all.subspan(have->offset, until - have->offset)); !stored) {
      return stored;
    }
    return until == content.size() ? pack.finish() : Status{};
  }
};

TEST_F(UnnamedArtifactsTest, GetTheirSha256WhenTheyAreComplete) {
  const auto content = random_bytes(2 * mebibyte + 77, 1);
  PackWriter pack = unnamed();
  ASSERT_OK(put(pack, key_one, content, content.size()));
  const auto name = pack.name(key_one);
  ASSERT_OK(name);
  EXPECT_EQ(*name, Sha256::of(content));
  expect_whole(pack, content);
}

TEST_F(UnnamedArtifactsTest, GoOnWhereTheyWereAndStayCompleteUnderTheirKey) {
  const auto content = random_bytes(mebibyte + 5, 2);
  {
    PackWriter pack = unnamed();
    ASSERT_OK(put(pack, key_one, content, mebibyte / 2));
  }
  {
    PackWriter pack = unnamed();
    const auto have = pack.begin(key_one, content.size());
    ASSERT_OK(have);
    EXPECT_EQ(have->offset, mebibyte / 2);
    ASSERT_OK(put(pack, key_one, content, content.size()));
  }
  PackWriter pack = unnamed();
  EXPECT_EQ(pack.begin(key_one, content.size())->offset, content.size());
  ASSERT_OK(pack.name(key_one));
  expect_whole(pack, content);
}

TEST_F(UnnamedArtifactsTest, EqualOnesAreKeptOnce) {
  const auto content = random_bytes(1000, 3);
  PackWriter pack = unnamed();
  ASSERT_OK(put(pack, key_one, content, content.size()));
  ASSERT_OK(put(pack, key_two, content, content.size()));
  EXPECT_EQ(*pack.name(key_one), *pack.name(key_two));
  const auto sealed = pack.seal(bench.packs());
  ASSERT_OK(sealed);
  EXPECT_EQ(sealed->size(), 1U);
}

TEST_F(UnnamedArtifactsTest, AnEmptyOneIsCompleteAtOnce) {
  PackWriter pack = unnamed();
  ASSERT_OK(pack.begin(key_one, 0));
  const auto name = pack.name(key_one);
  ASSERT_OK(name);
  EXPECT_EQ(*name, Sha256::of({}));
}

TEST_F(UnnamedArtifactsTest, OneThatIsNotCompleteGetsNoName) {
  const auto content = random_bytes(1000, 4);
  PackWriter pack = unnamed();
  ASSERT_OK(put(pack, key_one, content, 500));
  EXPECT_FAILS(pack.name(key_one), invalid);
  EXPECT_FAILS(pack.name(key_two), invalid);
}

}  // namespace
}  // namespace ferry::storage::testing
