#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "base/file.hpp"
#include "tests/unit/storage/pack_writer_fixture.hpp"

namespace ferry::storage::testing {
namespace {

TEST_F(PackWriterTest, KeepsAnArtifactOfManyChunks) {
  const auto content = random_bytes(3 * mebibyte + 12'345, 1);
  PackWriter pack = writer();
  ASSERT_OK(store(pack, content));
  expect_whole(pack, content);
}

TEST_F(PackWriterTest, KeepsAnEmptyArtifact) {
  const std::vector<std::byte> nothing;
  PackWriter pack = writer();
  const auto partial = pack.begin(Sha256::of(nothing), 0);
  ASSERT_OK(partial);
  EXPECT_EQ(partial->offset, 0U);
  const auto sealed = pack.seal(bench.packs());
  ASSERT_OK(sealed);
  ASSERT_EQ(sealed->size(), 1U);
  EXPECT_EQ(sealed->front().size, 0U);
  EXPECT_EQ(sealed->front().chunk_root, Sha256::of({}));
  PackReader reader(bench.packs());
  EXPECT_OK(reader.read(sealed->front(), 0, {}));
  EXPECT_OK(verify(bench.packs(), sealed->front()));
}

TEST_F(PackWriterTest, RefusesAnEmptyArtifactOfAnotherName) {
  PackWriter pack = writer();
  EXPECT_FAILS(pack.begin(Sha256::of(random_bytes(1, 1)), 0), corrupt);
  const auto content = random_bytes(1000, 2);
  EXPECT_OK(store(pack, content));
}

TEST_F(PackWriterTest, PacksManySmallArtifactsTogether) {
  std::vector<std::vector<std::byte>> contents;
  for (unsigned i = 0; i < 200; ++i) contents.push_back(random_bytes(1 + i * 37, i));
  const auto sealed = make_pack(bench, "small", contents);
  ASSERT_OK(sealed);
  ASSERT_EQ(sealed->size(), contents.size());
  PackReader reader(bench.packs());
  for (std::size_t i = 0; i < contents.size(); ++i) {
    EXPECT_EQ((*sealed)[i].pack, "small");
    const auto bytes = read_all(reader, (*sealed)[i]);
    ASSERT_OK(bytes);
    EXPECT_TRUE(*bytes == contents[i]);
  }
  EXPECT_LT(fs::file_size(bench.packs() / "small"), 1'000'000U);
}

TEST_F(PackWriterTest, GoesOnAfterItWasLeft) {
  const auto content = random_bytes(2 * mebibyte, 3);
  {
    PackWriter pack = writer();
    ASSERT_OK(pack.begin(Sha256::of(content), content.size()));
    ASSERT_OK(append_all(pack, Bytes(content).first(700'000)));
  }
  PackWriter pack = writer();
  const auto partial = pack.begin(Sha256::of(content), content.size());
  ASSERT_OK(partial);
  EXPECT_EQ(partial->offset, 700'000U) << "a chunk that is not full is kept as well";
  ASSERT_OK(append_all(pack, Bytes(content).subspan(partial->offset)));
  ASSERT_OK(pack.finish());
  expect_whole(pack, content);
}

// A link that drops every few kilobytes must get through in the end.
TEST_F(PackWriterTest, GetsOnInPiecesSmallerThanAChunk) {
  const auto content = random_bytes(600'000, 4);
  std::uint64_t offset = 0;
  for (int round = 0; round < 31 && offset < content.size(); ++round) {
    PackWriter pack = writer();
    const auto partial = pack.begin(Sha256::of(content), content.size());
    ASSERT_OK(partial);
    EXPECT_EQ(partial->offset, offset);
    const Bytes rest = Bytes(content).subspan(offset);
    const Bytes part = rest.first(std::min<std::size_t>(rest.size(), 20'000));
    ASSERT_OK(pack.append(part));
    offset += part.size();
  }
  EXPECT_EQ(offset, content.size());
  PackWriter pack = writer();
  const auto partial = pack.begin(Sha256::of(content), content.size());
  ASSERT_OK(partial);
  EXPECT_EQ(partial->offset, content.size());
  expect_whole(pack, content);
}

TEST_F(PackWriterTest, SwitchesBetweenArtifacts) {
  const auto first = random_bytes(900'000, 5);
  const auto second = random_bytes(500'000, 6);
  PackWriter pack = writer();
  ASSERT_OK(pack.begin(Sha256::of(first), first.size()));
  ASSERT_OK(append_all(pack, Bytes(first).first(333'333)));
  ASSERT_OK(store(pack, second));
  const auto partial = pack.begin(Sha256::of(first), first.size());
  ASSERT_OK(partial);
  EXPECT_EQ(partial->offset, 333'333U);
  ASSERT_OK(append_all(pack, Bytes(first).subspan(partial->offset)));
  ASSERT_OK(pack.finish());
  const auto sealed = pack.seal(bench.packs());
  ASSERT_OK(sealed);
  EXPECT_EQ(sealed->size(), 2U);
  for (const StoredArtifact& artifact : *sealed) EXPECT_OK(verify(bench.packs(), artifact));
}

TEST_F(PackWriterTest, RemembersTheValidatorOfItsBytes) {
  const auto content = random_bytes(2 * mebibyte, 7);
  {
    PackWriter pack = writer();
    ASSERT_OK(pack.begin(Sha256::of(content), content.size()));
    ASSERT_OK(pack.restart("\"v1\""));
    ASSERT_OK(append_all(pack, Bytes(content).first(mebibyte)));
  }
  PackWriter pack = writer();
  const auto partial = pack.begin(Sha256::of(content), content.size());
  ASSERT_OK(partial);
  EXPECT_EQ(partial->validator, "\"v1\"");
  EXPECT_EQ(partial->offset, mebibyte);
}

TEST_F(PackWriterTest, StartsAfreshWhenUpstreamChanged) {
  const auto content = random_bytes(2 * mebibyte, 8);
  const auto other = random_bytes(2 * mebibyte, 9);
  {
    PackWriter pack = writer();
    ASSERT_OK(pack.begin(Sha256::of(content), content.size()));
    ASSERT_OK(append_all(pack, Bytes(other).first(mebibyte + 5)));
  }
  PackWriter pack = writer();
  ASSERT_OK(pack.begin(Sha256::of(content), content.size()));
  ASSERT_OK(pack.restart("\"v2\""));
  ASSERT_OK(append_all(pack, content));
  ASSERT_OK(pack.finish());
  expect_whole(pack, content);
}

TEST_F(PackWriterTest, ThrowsAwayBytesWithTheWrongHash) {
  const auto content = random_bytes(mebibyte + 99, 10);
  auto garbled = content;
  garbled[500'000] ^= std::byte{1};
  PackWriter pack = writer();
  ASSERT_OK(pack.begin(Sha256::of(content), content.size()));
  ASSERT_OK(append_all(pack, garbled));
  EXPECT_FAILS(pack.finish(), corrupt);
  const auto partial = pack.begin(Sha256::of(content), content.size());
  ASSERT_OK(partial);
  EXPECT_EQ(partial->offset, 0U);
  ASSERT_OK(append_all(pack, content));
  ASSERT_OK(pack.finish());
  expect_whole(pack, content);
}

// Cut after the last byte and before the check: the check is made up for, and says no.
TEST_F(PackWriterTest, ChecksWhatAnEarlierRunLeftUnchecked) {
  const auto content = random_bytes(mebibyte, 11);
  auto garbled = content;
  garbled.back() ^= std::byte{1};
  {
    PackWriter pack = writer();
    ASSERT_OK(pack.begin(Sha256::of(content), content.size()));
    ASSERT_OK(append_all(pack, garbled));
  }
  PackWriter pack = writer();
  const auto partial = pack.begin(Sha256::of(content), content.size());
  ASSERT_OK(partial);
  EXPECT_EQ(partial->offset, 0U);
  ASSERT_OK(append_all(pack, content));
  ASSERT_OK(pack.finish());
  expect_whole(pack, content);
}

TEST_F(PackWriterTest, RefusesMoreThanWasAnnounced) {
  const auto content = random_bytes(1000, 12);
  PackWriter pack = writer();
  ASSERT_OK(pack.begin(Sha256::of(content), content.size()));
  ASSERT_OK(pack.append(content));
  EXPECT_FAILS(pack.append(Bytes(content).first(1)), too_large);
  EXPECT_OK(pack.finish());
}

TEST_F(PackWriterTest, RefusesToFinishTooEarly) {
  const auto content = random_bytes(1000, 13);
  PackWriter pack = writer();
  ASSERT_OK(pack.begin(Sha256::of(content), content.size()));
  ASSERT_OK(pack.append(Bytes(content).first(999)));
  EXPECT_FAILS(pack.finish(), invalid);
  ASSERT_OK(pack.append(Bytes(content).last(1)));
  EXPECT_OK(pack.finish());
}

TEST_F(PackWriterTest, SealsOnlyWhatIsComplete) {
  const auto content = random_bytes(1000, 14);
  const auto unfinished = random_bytes(mebibyte, 15);
  PackWriter pack = writer();
  ASSERT_OK(store(pack, content));
  ASSERT_OK(pack.begin(Sha256::of(unfinished), unfinished.size()));
  ASSERT_OK(append_all(pack, Bytes(unfinished).first(600'000)));
  const auto sealed = pack.seal(bench.packs());
  ASSERT_OK(sealed);
  ASSERT_EQ(sealed->size(), 1U);
  EXPECT_EQ(sealed->front().sha256, Sha256::of(content));
  EXPECT_FAILS(pack.append(content), invalid);
}

TEST_F(PackWriterTest, RefusesToSealNothing) {
  PackWriter pack = writer();
  EXPECT_FAILS(pack.seal(bench.packs()), invalid);
  EXPECT_OK(store(pack, random_bytes(10, 1)));
  EXPECT_OK(pack.seal(bench.packs()));
}

TEST_F(PackWriterTest, SealingLeavesOneReadOnlyFile) {
  PackWriter pack = writer();
  ASSERT_OK(store(pack, random_bytes(mebibyte, 16)));
  ASSERT_OK(pack.seal(bench.packs()));
  EXPECT_TRUE(fs::is_empty(bench.incoming())) << "no journal is left";
  EXPECT_EQ(fs::status(bench.packs() / "pack").permissions(),
            fs::perms::owner_read | fs::perms::group_read);
}

TEST_F(PackWriterTest, NeverReplacesASealedPack) {
  const auto content = random_bytes(1000, 17);
  const auto first = make_pack(bench, "name", {content});
  const auto second = make_pack(bench, "name", {random_bytes(1000, 18)});
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_NE(first->front().pack, second->front().pack);
  PackReader reader(bench.packs());
  EXPECT_OK(read_all(reader, first->front()));
  EXPECT_OK(read_all(reader, second->front()));
}

TEST_F(PackWriterTest, BeginsAnewWhatIsNoPack) {
  std::ofstream(file()) << std::string(100'000, 'x');
  const auto content = random_bytes(mebibyte, 19);
  PackWriter pack = writer();
  ASSERT_OK(store(pack, content));
  expect_whole(pack, content);
}

TEST_F(PackWriterTest, GoesBackToTheFirstChunkThatIsBad) {
  const auto content = random_bytes(4 * mebibyte, 20);
  {
    PackWriter pack = writer();
    ASSERT_OK(pack.begin(Sha256::of(content), content.size()));
    ASSERT_OK(append_all(pack, Bytes(content).first(3 * mebibyte)));
  }
  {  // a byte of the sixth chunk rots
    std::string bytes = read_text(file());
    const std::size_t at =
        bytes.find(std::string(as_text(Bytes(content).subspan(5 * chunk_size + 100'000, 64))));
    ASSERT_NE(at, std::string::npos);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    std::ofstream(file(), std::ios::binary) << bytes;
  }
  PackWriter pack = writer();
  const auto partial = pack.begin(Sha256::of(content), content.size());
  ASSERT_OK(partial);
  EXPECT_EQ(partial->offset, 5 * chunk_size);
  ASSERT_OK(append_all(pack, Bytes(content).subspan(partial->offset)));
  ASSERT_OK(pack.finish());
  expect_whole(pack, content);
}

// What an earlier run finished may have rotted since: sealing reads it again.
TEST_F(PackWriterTest, DoesNotSealWhatRottedMeanwhile) {
  const auto content = random_bytes(mebibyte, 21);
  {
    PackWriter pack = writer();
    ASSERT_OK(store(pack, content));
  }
  std::string bytes = read_text(file());
  const std::size_t at = bytes.find(std::string(as_text(Bytes(content).subspan(300'000, 64))));
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  std::ofstream(file(), std::ios::binary) << bytes;
  PackWriter pack = writer();
  EXPECT_FAILS(pack.seal(bench.packs()), corrupt);
  EXPECT_TRUE(fs::is_empty(bench.packs()));
  ASSERT_OK(store(pack, content));
  expect_whole(pack, content);
}

TEST_F(PackWriterTest, OneWriterAtATime) {
  PackWriter pack = writer();
  EXPECT_FAILS(PackWriter::open(file()), unavailable);
}

// A file system that is full at any moment: the error says so, and with room again the work goes
// on.
TEST_F(PackWriterTest, GoesOnAfterTheDiskWasFull) {
  const auto content = random_bytes(3 * mebibyte, 23);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  ::signal(SIGXFSZ, SIG_IGN);
  int failures = 0;
  PackWriter pack = writer();
  for (rlim_t limit = 16'384; limit < 3'600'000; limit += 123'456) {
    const rlimit low{limit, old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
    const Status stored = store(pack, content);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
    if (stored) break;
    ++failures;
    EXPECT_EQ(stored.error().code, ErrorCode::disk_full) << stored.error().message;
  }
  EXPECT_GT(failures, 5);
  ASSERT_OK(store(pack, content));
  expect_whole(pack, content);
}

}  // namespace
}  // namespace ferry::storage::testing
