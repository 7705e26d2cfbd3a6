#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iostream>

#include "base/file.hpp"
#include "tests/unit/storage/workbench.hpp"

namespace ferry::storage::testing {
namespace {

void flip(const fs::path& file, std::uint64_t at, unsigned char mask) {
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  const Descriptor handle(::open(file.c_str(), O_RDWR));
  unsigned char byte = 0;
  ASSERT_EQ(::pread(handle.get(), &byte, 1, static_cast<off_t>(at)), 1);
  byte ^= mask;
  ASSERT_EQ(::pwrite(handle.get(), &byte, 1, static_cast<off_t>(at)), 1);
}

TEST(PackReaderTest, ReadsAnyRange) {
  Workbench bench;
  const auto content = random_bytes(1'000'003, 1);
  const auto sealed = make_pack(bench, "pack", {random_bytes(5000, 2), content});
  ASSERT_OK(sealed);
  const StoredArtifact& artifact = sealed->back();
  PackReader reader(bench.packs());
  std::mt19937 random(3);
  std::vector<std::byte> out;
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t offset = random() % (content.size() + 1);
    out.resize(random() % std::min<std::uint64_t>(content.size() - offset + 1, 300'000));
    ASSERT_OK(reader.read(artifact, offset, out));
    ASSERT_TRUE(
        std::equal(out.begin(), out.end(), content.begin() + static_cast<std::ptrdiff_t>(offset)));
  }
}

TEST(PackReaderTest, RefusesToReadBeyondTheEnd) {
  Workbench bench;
  const auto sealed = make_pack(bench, "pack", {random_bytes(1000, 1)});
  ASSERT_OK(sealed);
  PackReader reader(bench.packs());
  std::vector<std::byte> out(10);
  EXPECT_OK(reader.read(sealed->front(), 990, out));
  EXPECT_FAILS(reader.read(sealed->front(), 991, out), invalid);
  EXPECT_FAILS(reader.read(sealed->front(), UINT64_MAX - 2, out), invalid);
}

TEST(PackReaderTest, RefusesAPathAsAPack) {
  Workbench bench;
  auto sealed = make_pack(bench, "pack", {random_bytes(1000, 1)});
  ASSERT_OK(sealed);
  PackReader reader(bench.packs());
  std::vector<std::byte> out(10);
  StoredArtifact artifact = sealed->front();
  for (const char* name : {"", ".", "..", "../packs/pack", "/etc/passwd"}) {
    artifact.pack = name;
    EXPECT_FAILS(reader.read(artifact, 0, out), invalid);
  }
  artifact.pack = "missing";
  EXPECT_FAILS(reader.read(artifact, 0, out), not_found);
}

TEST(PackReaderTest, ReadsFromMorePacksThanItKeepsOpen) {
  Workbench bench;
  std::vector<StoredArtifact> artifacts;
  std::vector<std::vector<std::byte>> contents;
  for (unsigned i = 0; i < 20; ++i) {
    contents.push_back(random_bytes(10'000, i));
    const auto sealed = make_pack(bench, "pack" + std::to_string(i), {contents.back()});
    ASSERT_OK(sealed);
    artifacts.push_back(sealed->front());
  }
  PackReader reader(bench.packs());
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < artifacts.size(); ++i) {
      const auto bytes = read_all(reader, artifacts[i]);
      ASSERT_OK(bytes);
      EXPECT_TRUE(*bytes == contents[i]);
    }
  }
  const auto open =
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  EXPECT_LT(open, 20);
}

TEST(PackReaderTest, ReadsAPackThatTookTheNameOfAWithdrawnOne) {
  Workbench bench;
  const auto first = random_bytes(300'000, 1);
  const auto second = random_bytes(300'000, 2);
  PackReader reader(bench.packs());
  const auto sealed = make_pack(bench, "pack", {first});
  ASSERT_OK(sealed);
  ASSERT_OK(read_all(reader, sealed->front()));
  fs::remove(bench.packs() / "pack");
  reader.close("pack");
  std::vector<std::byte> out(100);
  EXPECT_FAILS(reader.read(sealed->front(), 0, out), not_found);
  const auto again = make_pack(bench, "pack", {second});
  ASSERT_OK(again);
  const auto bytes = read_all(reader, again->front());
  ASSERT_OK(bytes);
  EXPECT_TRUE(*bytes == second);
  EXPECT_FAILS(reader.read(sealed->front(), 0, out), corrupt);
}

// A chunk list that fits its chunks, but not the catalog: somebody exchanged the file.
TEST(PackReaderTest, RefusesAChunkListThatIsNotTheCatalogs) {
  Workbench bench;
  auto sealed = make_pack(bench, "pack", {random_bytes(300'000, 1)});
  ASSERT_OK(sealed);
  StoredArtifact artifact = sealed->front();
  artifact.chunk_root = Sha256::of({});
  PackReader reader(bench.packs());
  std::vector<std::byte> out(100, std::byte{7});
  EXPECT_FAILS(reader.read(artifact, 0, out), corrupt);
  EXPECT_EQ(out, std::vector<std::byte>(100)) << "nothing of it may be sent by mistake";
  EXPECT_FAILS(verify(bench.packs(), artifact), corrupt);
}

TEST(PackReaderTest, RefusesACutPack) {
  Workbench bench;
  const auto content = random_bytes(1'000'000, 1);
  const auto sealed = make_pack(bench, "pack", {content});
  ASSERT_OK(sealed);
  const auto file = bench.packs() / "pack";
  const auto size = fs::file_size(file);
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  for (const std::uint64_t kept :
       {size - 300'000, size / 2, std::uint64_t{16'384}, std::uint64_t{100}, std::uint64_t{0}}) {
    fs::resize_file(file, kept);
    PackReader reader(bench.packs());
    EXPECT_FAILS(read_all(reader, sealed->front()), corrupt);
    EXPECT_FAILS(verify(bench.packs(), sealed->front()), corrupt);
  }
}

TEST(PackReaderTest, AThousandFlippedBytesAndNeverAWrongOne) {
  Workbench bench;
  const std::vector<std::vector<std::byte>> contents = {
      random_bytes(700'000, 1), random_bytes(900, 2), random_bytes(262'144, 3)};
  const auto sealed = make_pack(bench, "pack", contents);
  ASSERT_OK(sealed);
  const auto file = bench.packs() / "pack";
  const auto size = fs::file_size(file);
  std::mt19937_64 random(4);
  int noticed = 0;
  int harmless = 0;
  int wrong = 0;
  int missed_by_verify = 0;
  for (int i = 0; i < 1000; ++i) {
    // A third of them where SQLite keeps its own structures.
    const std::uint64_t at = i % 3 == 0 ? random() % 16'384 * 2 : random() % size;
    const auto mask = static_cast<unsigned char>(1 + random() % 255);
    flip(file, at, mask);
    PackReader reader(bench.packs());
    bool failed = false;
    for (std::size_t k = 0; k < contents.size(); ++k) {
      const auto bytes = read_all(reader, (*sealed)[k]);
      if (!bytes) {
        failed = true;
        EXPECT_EQ(bytes.error().code, ErrorCode::corrupt) << at << ": " << bytes.error().message;
        if (verify(bench.packs(), (*sealed)[k])) ++missed_by_verify;
      } else if (*bytes != contents[k]) {
        ++wrong;
      }
    }
    ++(failed ? noticed : harmless);
    flip(file, at, mask);
  }
  std::cout << "1000 flips: " << noticed << " noticed, " << harmless
            << " in bytes that nobody reads, wrong bytes returned: " << wrong << "\n";
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(missed_by_verify, 0);
  EXPECT_GT(noticed, 500);
}

}  // namespace
}  // namespace ferry::storage::testing
