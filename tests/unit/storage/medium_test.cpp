// What happens when the medium is full or cannot be written: real file systems, mounted for each
// test.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <sstream>

#include "tests/unit/storage/store_bench.hpp"

namespace ferry::storage::testing {
namespace {

using ::testing::ElementsAre;

class MediumTest : public StoreTest {
 protected:
  void SetUp() override {
    medium = bench.folder() / "medium";
    fs::create_directory(medium);
    ASSERT_EQ(::mount("ferry", medium.c_str(), "tmpfs", 0, "size=24m"), 0)
        << "needs root, to mount a file system";
    options.folder = medium / "store";
  }
  void TearDown() override {
    store.reset();
    ::umount2(medium.c_str(), MNT_DETACH);
  }
  void fill() {
    std::ofstream ballast(medium / "ballast", std::ios::binary);
    const std::string block(4096, 'x');
    while (ballast.write(block.data(), static_cast<std::streamsize>(block.size())).flush())
      continue;
  }
  void make_room() { fs::remove(medium / "ballast"); }
  void set_writable(bool writable) {
    const unsigned long flags =
        MS_REMOUNT | (writable ? 0UL : static_cast<unsigned long>(MS_RDONLY));
    ASSERT_EQ(::mount("ferry", medium.c_str(), "tmpfs", flags, "size=24m"), 0) << errno;
  }
  // Events are small, so that they also test the last pages of a full disk.
  Status append_until_full(int at_most) {
    for (int i = 0; i < at_most; ++i) {
      const Status done = store->outbox().append({event("installed", std::string(200, 'x'))});
      if (!done) return done;
      ++appended;
    }
    return {};
  }

  fs::path medium;
  std::uint64_t appended = 0;
};

TEST_F(MediumTest, AFullDiskServesWhatItHoldsAndGoesOnWithRoom) {
  const auto image = random_bytes(2'000'000, 1);
  const auto next = random_bytes(4'000'000, 2);
  open();
  ASSERT_OK(admit("1.0", {image}, "first"));
  auto writer = store->incoming("second", next.size());
  ASSERT_OK(writer);
  ASSERT_OK(writer->begin(Sha256::of(next), next.size()));
  ASSERT_OK(append_all(*writer, Bytes(next).first(1'500'000)));
  fill();
  EXPECT_FAILS(append_all(*writer, Bytes(next).subspan(1'500'000)), disk_full);
  EXPECT_FAILS(store->incoming("third", 1'000'000), disk_full);
  expect_everything_whole(1);
  EXPECT_OK(store->outbox().append({event("installed")}));  // the reserve is for this
  make_room();
  const auto partial = writer->begin(Sha256::of(next), next.size());
  ASSERT_OK(partial);
  EXPECT_GE(partial->offset, 1U << 20U);
  ASSERT_OK(append_all(*writer, Bytes(next).subspan(partial->offset)));
  ASSERT_OK(writer->finish());
  const auto sealed = writer->seal(store->packs_folder());
  ASSERT_OK(sealed);
  ASSERT_OK(store->releases().admit(release_of("1.1", {next}), *sealed, {}));
  expect_everything_whole(2);
}

TEST_F(MediumTest, AFullDiskStartsAndEvicts) {
  open();
  ASSERT_OK(admit("1.0", {random_bytes(2'000'000, 1)}, "first"));
  ASSERT_OK(admit("1.1", {random_bytes(2'000'000, 2)}, "second"));
  fill();
  open();
  expect_everything_whole(2);
  ASSERT_OK(store->releases().evict(release_of("1.0", {}).release, "room"));
  expect_everything_whole(1);
  open();
  expect_everything_whole(1);
}

// Once even the reserve is used up the error says what to do, nothing acknowledged is lost, and
// with room again the same store goes on.
TEST_F(MediumTest, AcknowledgesNothingThatDoesNotFit) {
  open();
  fill();
  const Status refused = append_until_full(100'000);
  EXPECT_FAILS(refused, disk_full);
  EXPECT_NE(refused.error().message.find("catalog.db"), std::string::npos)
      << refused.error().message;
  EXPECT_NE(refused.error().message.find("free some space"), std::string::npos);
  EXPECT_GT(appended, 1000U) << "the reserve holds a thousand outcomes";
  EXPECT_EQ(store->outbox().size().value(), appended);
  open();
  EXPECT_EQ(store->outbox().size().value(), appended);
  make_room();
  EXPECT_OK(append_until_full(1));
  EXPECT_EQ(store->outbox().size().value(), appended);
}

// The disk is full in the very moment of admission: the fetched bytes are not lost, and not fetched
// again.
TEST_F(MediumTest, AFailedAdmissionKeepsWhatWasFetched) {
  const std::vector<std::vector<std::byte>> contents = {random_bytes(1'000'000, 1)};
  open();
  const auto sealed = fetch("pack", contents);
  ASSERT_OK(sealed);
  fill();
  (void)append_until_full(100'000);
  HeldRelease release = release_of("1.0", contents);
  for (int i = 0; i < 400; ++i) {  // a document too large for whatever is left
    formats::ReleaseArtifact more = release.release.artifacts.front();
    more.name = "copy" + std::to_string(i);
    more.url = std::string(1000, 'u');
    release.release.artifacts.push_back(more);
  }
  EXPECT_FAILS(store->releases().admit(release, *sealed, {}), disk_full);
  expect_everything_whole(0);
  make_room();
  auto writer = store->incoming("pack", 1'000'000);
  ASSERT_OK(writer);
  const auto partial = writer->begin(Sha256::of(contents[0]), contents[0].size());
  ASSERT_OK(partial);
  EXPECT_EQ(partial->offset, contents[0].size());
  const auto again = writer->seal(store->packs_folder());
  ASSERT_OK(again);
  EXPECT_OK(store->releases().admit(release, *again, {}));
  expect_everything_whole(1);
}

TEST_F(MediumTest, AMediumThatBecomesReadOnlyServesOnAndRecovers) {
  open();
  ASSERT_OK(admit("1.0", {random_bytes(300'000, 1)}, "first"));
  // A running store has its files open for writing; the kernel refuses to remount under it. So the
  // medium turns read-only between two starts, as it does after a check at boot.
  store.reset();
  set_writable(false);
  open();
  expect_everything_whole(1);
  EXPECT_EQ(store->releases().all()->size(), 1U);
  EXPECT_THAT(event_kinds(), ElementsAre("fetched"));
  EXPECT_FAILS(store->outbox().append({event("installed")}), read_only);
  EXPECT_FAILS(store->incoming("second", 1000), read_only);
  set_writable(true);
  EXPECT_OK(store->outbox().append({event("installed")}));
  ASSERT_OK(admit("1.1", {random_bytes(300'000, 2)}, "second"));
  expect_everything_whole(2);
}

// Killed, and then the medium is read-only: the last promises stand in the write-ahead log alone.
TEST_F(MediumTest, AReadOnlyMediumServesWhatOnlyTheLogHolds) {
  open();
  ASSERT_OK(admit("1.0", {random_bytes(300'000, 1)}, "first"));
  fs::create_directory(medium / "copy");
  for (const char* name : {"catalog.db", "catalog.db-wal"}) {
    fs::copy(options.folder / name, medium / "copy" / name);
  }
  fs::copy(options.folder / "packs", medium / "copy" / "packs");
  store.reset();
  options.folder = medium / "copy";
  ASSERT_GT(fs::file_size(options.folder / "catalog.db-wal"), 0U);
  set_writable(false);
  open();
  ASSERT_TRUE(store);
  expect_everything_whole(1);
  EXPECT_FAILS(store->outbox().append({event("installed")}), read_only);
  set_writable(true);
  EXPECT_OK(store->outbox().append({event("installed")}));
  expect_everything_whole(1);
}

// ext4 on a loop device: what gateways have.
class FlashTest : public StoreTest {
 protected:
  void SetUp() override {
    medium = bench.folder() / "medium";
    fs::create_directory(medium);
    const std::string image = (bench.folder() / "image").string();
    run(fmt::format("truncate -s 96M {0} && mkfs.ext4 -q -F -E lazy_itable_init=0 {0}", image));
    run(fmt::format("mount -o loop {} {}", image, medium.string()));
    options.folder = medium / "store";
  }
  void TearDown() override {
    store.reset();
    run("umount " + medium.string());
  }
  static void run(const std::string& command) {
    ASSERT_EQ(std::system(command.c_str()), 0)
        << command << ": needs root, e2fsprogs and loop devices";
  }
  // Bytes that the file system wrote to its device since it was mounted.
  std::uint64_t written() const {
    run("sync -f " + medium.string());
    struct stat status {};
    EXPECT_EQ(::stat(medium.c_str(), &status), 0);
    const std::string text = read_text(
        fmt::format("/sys/dev/block/{}:{}/stat", major(status.st_dev), minor(status.st_dev)));
    std::istringstream fields(text);
    std::uint64_t field = 0;
    for (int i = 0; i < 7; ++i) fields >> field;  // the seventh: sectors written
    return field * 512;
  }

  fs::path medium;
};

TEST_F(FlashTest, IngestWritesLittleMoreThanThePayload) {
  const auto image = random_bytes(32U << 20U, 1);
  open();
  ASSERT_OK(admit("0.9", {random_bytes(1000, 2)}, "warm"));
  const auto before = written();
  ASSERT_OK(admit("1.0", {image}, "pack"));
  const double ratio = static_cast<double>(written() - before) / static_cast<double>(image.size());
  std::cout << fmt::format("written to the device: {:.3f} times the payload\n", ratio);
  EXPECT_LT(ratio, 1.2);
  EXPECT_GT(ratio, 1.0) << "the measurement itself is broken";
}

TEST_F(FlashTest, AMediumThatFailsUnderARunningStoreServesOn) {
  open();
  ASSERT_OK(admit("1.0", {random_bytes(300'000, 1)}, "first"));
  // What ext4 does by itself when its device fails.
  (void)::mount(nullptr, medium.c_str(), nullptr, MS_REMOUNT, "abort");
  const Status refused = store->outbox().append({event("installed")});
  EXPECT_FAILS(refused, read_only);
  expect_everything_whole(1);
  EXPECT_THAT(event_kinds(), ElementsAre("fetched"));
}

TEST_F(MediumTest, AReadOnlyMediumWithoutAStoreIsAClearError) {
  set_writable(false);
  const auto opened = Store::open(options, clock);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::read_only) << opened.error().message;
}

}  // namespace
}  // namespace ferry::storage::testing
