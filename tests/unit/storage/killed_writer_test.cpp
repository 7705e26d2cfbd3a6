#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.hpp"
#include "tests/unit/storage/pack_writer_fixture.hpp"

namespace ferry::storage::testing {
namespace {

// What a killed writer leaves: the file as it was, and the tail beside it.
class KilledWriterTest : public PackWriterTest {
 protected:
  fs::path tail() const { return bench.incoming() / "pack-tail"; }
  // Appends to the artifact, then goes away without a word.
  void append_and_die(const std::vector<std::byte>& content, std::size_t size,
                      const std::string& validator = "") {
    const pid_t child = ::fork();
    if (child == 0) {
      auto pack = PackWriter::open(file());
      if (!pack || !pack->begin(Sha256::of(content), content.size())) _exit(1);
      if (!validator.empty() && !pack->restart(validator)) _exit(1);
      _exit(append_all(*pack, Bytes(content).first(size)) ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
  }
  std::uint64_t offset_after(const std::vector<std::byte>& content) {
    PackWriter pack = writer();
    const auto partial = pack.begin(Sha256::of(content), content.size());
    EXPECT_OK(partial);
    return partial ? partial->offset : UINT64_MAX;
  }
};

TEST_F(KilledWriterTest, TheTailBringsBackWhatNoCommitHolds) {
  const auto content = random_bytes(2 * mebibyte, 30);
  append_and_die(content, mebibyte, "\"v1\"");
  ASSERT_GT(fs::file_size(tail()), mebibyte);
  PackWriter pack = writer();
  const auto partial = pack.begin(Sha256::of(content), content.size());
  ASSERT_OK(partial);
  EXPECT_EQ(partial->offset, mebibyte);
  EXPECT_EQ(partial->validator, "\"v1\"");
  EXPECT_FALSE(fs::exists(tail())) << "it was committed";
  ASSERT_OK(append_all(pack, Bytes(content).subspan(partial->offset)));
  ASSERT_OK(pack.finish());
  expect_whole(pack, content);
}

TEST_F(KilledWriterTest, ATailThatThePowerCutTookIsNotMissed) {
  const auto content = random_bytes(PackWriter::commit_bytes + 2 * mebibyte, 31);
  append_and_die(content, PackWriter::commit_bytes + mebibyte);
  fs::remove(tail());
  EXPECT_EQ(offset_after(content), PackWriter::commit_bytes);
}

TEST_F(KilledWriterTest, OnlyWholeRecordsOfATailCount) {
  const auto content = random_bytes(2 * mebibyte, 32);
  append_and_die(content, 3 * chunk_size);
  const std::string whole = read_text(tail());
  const auto with_tail = [&](const std::string& bytes) {
    fs::remove(file());
    std::ofstream(tail(), std::ios::binary) << bytes;
    return offset_after(content);
  };
  EXPECT_EQ(with_tail(whole), 3 * chunk_size);
  EXPECT_EQ(with_tail(whole.substr(0, whole.size() - 1)), 2 * chunk_size);
  EXPECT_EQ(with_tail(whole.substr(0, 50)), 0U);
  EXPECT_EQ(with_tail(std::string(300'000, '\0')), 0U);
  std::mt19937 random(33);
  for (int round = 0; round < 40; ++round) {
    std::string bad = whole;
    const std::size_t at = round < 20 ? random() % 150 : random() % bad.size();
    bad[at] = static_cast<char>(bad[at] ^ (1 + static_cast<int>(random() % 255)));
    EXPECT_EQ(with_tail(bad), at / (whole.size() / 3) * chunk_size) << at;
  }
}

// The power cut brought back a tail from before a fresh start: none of it may mix with the new
// bytes.
TEST_F(KilledWriterTest, AnOldTailDoesNotMixWithNewBytes) {
  const auto content = random_bytes(2 * mebibyte, 34);
  auto old = content;
  old[5] ^= std::byte{1};
  {  // the same artifact, other bytes, an older validator
    const pid_t child = ::fork();
    if (child == 0) {
      auto pack = PackWriter::open(file());
      if (!pack || !pack->begin(Sha256::of(content), content.size()) || !pack->restart("old"))
        _exit(1);
      _exit(append_all(*pack, Bytes(old).first(mebibyte)) ? 0 : 1);
    }
    ::waitpid(child, nullptr, 0);
  }
  const std::string old_tail = read_text(tail());
  {
    PackWriter pack = writer();
    ASSERT_OK(pack.begin(Sha256::of(content), content.size()));
    ASSERT_OK(pack.restart("new"));
    ASSERT_OK(append_all(pack, Bytes(content).first(chunk_size)));
  }
  std::ofstream(tail(), std::ios::binary) << old_tail;
  PackWriter pack = writer();
  const auto partial = pack.begin(Sha256::of(content), content.size());
  ASSERT_OK(partial);
  EXPECT_EQ(partial->offset, chunk_size);
  EXPECT_EQ(partial->validator, "new");
  ASSERT_OK(append_all(pack, Bytes(content).subspan(partial->offset)));
  ASSERT_OK(pack.finish());
  expect_whole(pack, content);
}

// The child appends and counts into shared memory until it is killed.
TEST_F(KilledWriterTest, SigkillAtAnyMomentLosesAtMostOneChunk) {
  const auto content = random_bytes(24 * mebibyte, 22);
  std::mt19937 random(7);
  int counter[2];
  std::uint64_t worst = 0;
  std::uint64_t before = 0;
  for (int round = 0; round < 20; ++round) {
    ASSERT_EQ(::pipe(counter), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto pack = PackWriter::open(file());
      auto partial = pack ? pack->begin(Sha256::of(content), content.size())
                          : Result<PartialArtifact>(fail(pack.error()));
      for (std::uint64_t at = partial ? partial->offset : content.size(); at < content.size();) {
        const Bytes part =
            Bytes(content).subspan(at).first(std::min<std::size_t>(16'384, content.size() - at));
        if (!pack->append(part)) _exit(1);
        at += part.size();
        if (::write(counter[1], &at, sizeof at) != sizeof at) _exit(1);
      }
      _exit(0);
    }
    ::close(counter[1]);
    const Descriptor progress(counter[0]);
    std::uint64_t accepted = before;
    const std::uint64_t steps = 1 + random() % 400;
    for (std::uint64_t step = 0; step < steps; ++step) {
      if (::read(counter[0], &accepted, sizeof accepted) != sizeof accepted) break;
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(counter[0], &accepted, sizeof accepted) == sizeof accepted) continue;
    PackWriter pack = writer();
    const auto partial = pack.begin(Sha256::of(content), content.size());
    ASSERT_OK(partial);
    // The child may have been killed between a commit and its count.
    EXPECT_LE(partial->offset, accepted + 16'384);
    EXPECT_GT(partial->offset + chunk_size, accepted);
    worst = std::max(worst, accepted - std::min(accepted, partial->offset));
    before = partial->offset == content.size() ? 0 : partial->offset;
    if (before == 0) ASSERT_OK(pack.restart(""));
  }
  RecordProperty("worst_loss", std::to_string(worst));
  PackWriter pack = writer();
  ASSERT_OK(store(pack, content));
  expect_whole(pack, content);
}

}  // namespace
}  // namespace ferry::storage::testing
