#include <gmock/gmock.h>

#include <thread>

#include "tests/unit/storage/store_bench.hpp"

namespace ferry::storage::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using ReleaseStoreTest = StoreTest;

TEST_F(ReleaseStoreTest, HoldsWhatWasAdmitted) {
  const auto image = random_bytes(700'000, 1);
  const auto file = random_bytes(3000, 2);
  open();
  ASSERT_OK(admit("1.0", {image, file}, "first"));
  open();
  const auto releases = store->releases().all();
  ASSERT_OK(releases);
  ASSERT_EQ(releases->size(), 1U);
  const HeldRelease& held = releases->front();
  EXPECT_TRUE(held.complete);
  EXPECT_EQ(held.release.product, "pump");
  EXPECT_EQ(held.source, "cloud");
  ASSERT_EQ(held.release.artifacts.size(), 2U);
  EXPECT_EQ(held.release.artifacts[1].role, formats::Role::file);
  EXPECT_EQ(held.release.artifacts[1].dst_path, "flash/part1");
  EXPECT_EQ(held.release.artifacts[1].sha256, Sha256::of(file));
  EXPECT_EQ(held.release.artifacts[1].url, "r/1.0/part1");
  expect_everything_whole(2);
  EXPECT_THAT(event_kinds(), ElementsAre("fetched"));
}

TEST_F(ReleaseStoreTest, AdmittingTheSameAgainIsNoError) {
  open();
  ASSERT_OK(admit("1.0", {random_bytes(1000, 1)}, "first"));
  EXPECT_OK(store->releases().admit(release_of("1.0", {random_bytes(1000, 1)}), {}, {}));
  EXPECT_EQ(store->releases().all()->size(), 1U);
}

TEST_F(ReleaseStoreTest, RefusesOtherArtifactsUnderTheSameVersion) {
  open();
  ASSERT_OK(admit("1.0", {random_bytes(1000, 1)}, "first"));
  EXPECT_FAILS(admit("1.0", {random_bytes(1000, 2)}, "second"), exists);
  EXPECT_FAILS(admit("1.0", {random_bytes(1000, 1), random_bytes(5, 3)}, "third"), exists);
  EXPECT_FALSE(fs::exists(bench.packs() / "second"));
  EXPECT_FALSE(fs::exists(bench.incoming() / "second"));
  expect_everything_whole(1);
}

TEST_F(ReleaseStoreTest, RefusesAReleaseWhoseBytesAreNotHere) {
  open();
  EXPECT_FAILS(store->releases().admit(release_of("1.0", {random_bytes(9, 1)}), {}, {}), invalid);
  EXPECT_EQ(store->releases().all()->size(), 0U);
}

TEST_F(ReleaseStoreTest, KeepsEqualArtifactsOnce) {
  const auto shared = random_bytes(400'000, 1);
  const auto fresh = random_bytes(1000, 2);
  open();
  ASSERT_OK(admit("1.0", {shared}, "first"));
  ASSERT_OK(admit("1.1", {shared, fresh}, "second"));
  expect_everything_whole(2);
  EXPECT_EQ((*store->releases().find(Sha256::of(shared)))->pack, "first");
  EXPECT_EQ((*store->releases().find(Sha256::of(fresh)))->pack, "second");
}

TEST_F(ReleaseStoreTest, AVersionMeansTheSameBytesInEveryChannel) {
  open();
  ASSERT_OK(admit("1.0", {random_bytes(1000, 1)}, "first"));
  HeldRelease beta = release_of("1.0", {random_bytes(1000, 1)});
  beta.release.channel = "beta";
  EXPECT_OK(store->releases().admit(beta, {}, {}));  // promoted: the same bytes
  HeldRelease other = release_of("1.0", {random_bytes(1000, 2)});
  other.release.channel = "nightly";
  EXPECT_FAILS(store->releases().admit(other, {}, {}), exists);
}

TEST_F(ReleaseStoreTest, RemovesAPackInWhichNothingIsNew) {
  const auto shared = random_bytes(400'000, 1);
  open();
  ASSERT_OK(admit("1.0", {shared}, "first"));
  ASSERT_OK(admit("1.1", {shared}, "second"));
  EXPECT_FALSE(fs::exists(bench.packs() / "second"));
  expect_everything_whole(1);
  EXPECT_EQ(store->usage()->packs, 1U);
}

// The answer to the first admission was lost; its pack must survive the second.
TEST_F(ReleaseStoreTest, AdmittingTheSamePackTwiceKeepsIt) {
  const std::vector<std::vector<std::byte>> contents = {random_bytes(1000, 1)};
  open();
  const auto sealed = fetch("first", contents);
  ASSERT_OK(sealed);
  ASSERT_OK(store->releases().admit(release_of("1.0", contents), *sealed, {}));
  ASSERT_OK(store->releases().admit(release_of("1.0", contents), *sealed, {}));
  expect_everything_whole(1);
}

TEST_F(ReleaseStoreTest, SweepsAPackThatNobodyAdmitted) {
  open();
  ASSERT_OK(admit("1.0", {random_bytes(1000, 1)}, "admitted"));
  ASSERT_OK(fetch("orphan", {random_bytes(1000, 2)}));
  ASSERT_TRUE(fs::exists(bench.packs() / "orphan"));
  open();
  EXPECT_FALSE(fs::exists(bench.packs() / "orphan"));
  expect_everything_whole(1);
}

TEST_F(ReleaseStoreTest, KeepsOpenPacksForAMonth) {
  open();
  {
    auto writer = store->incoming("open", 100'000);
    ASSERT_OK(writer);
    ASSERT_OK(writer->begin(Sha256::of(random_bytes(100'000, 1)), 100'000));
    ASSERT_OK(append_all(*writer, Bytes(random_bytes(100'000, 1)).first(50'000)));
  }
  const auto written = fs::last_write_time(bench.incoming() / "open");
  clock.time = std::chrono::time_point_cast<Duration>(std::chrono::file_clock::to_sys(written));
  open();
  EXPECT_TRUE(fs::exists(bench.incoming() / "open"));
  clock.time += std::chrono::hours(24 * 31);
  open();
  EXPECT_TRUE(fs::is_empty(bench.incoming()));
}

TEST_F(ReleaseStoreTest, GivesUpOpenPacksBeyondTheQuota) {
  open();
  {
    auto writer = store->incoming("open", 900'000);
    ASSERT_OK(writer);
    const auto content = random_bytes(900'000, 1);
    ASSERT_OK(writer->begin(Sha256::of(content), content.size()));
    ASSERT_OK(append_all(*writer, Bytes(content).first(800'000)));
  }
  options.quota = 100'000;
  open();
  EXPECT_TRUE(fs::is_empty(bench.incoming()));
}

TEST_F(ReleaseStoreTest, ARowWithoutItsFileIsNeverServed) {
  const std::vector<std::vector<std::byte>> contents = {random_bytes(300'000, 1)};
  open();
  ASSERT_OK(admit("1.0", contents, "first"));
  store.reset();
  fs::remove(bench.packs() / "first");
  open();
  expect_everything_whole(0);
  ASSERT_EQ(store->releases().all()->size(), 1U);
  EXPECT_FALSE(store->releases().all()->front().complete);
  EXPECT_THAT(event_kinds(), ElementsAre("fetched", "lost"));
  ASSERT_OK(admit("1.0", contents, "first"));
  EXPECT_TRUE(store->releases().all()->front().complete);
  expect_everything_whole(1);
}

TEST_F(ReleaseStoreTest, AFileThatWasCutShortIsNeverServed) {
  open();
  ASSERT_OK(admit("1.0", {random_bytes(300'000, 1)}, "first"));
  store.reset();
  fs::permissions(bench.packs() / "first", fs::perms::owner_all);
  fs::resize_file(bench.packs() / "first", 100'000);
  open();
  expect_everything_whole(0);
  EXPECT_EQ(store->usage()->quarantined, 1U);
}

TEST_F(ReleaseStoreTest, QuarantinesABadPackAndHeals) {
  const std::vector<std::vector<std::byte>> contents = {random_bytes(300'000, 1)};
  open();
  ASSERT_OK(admit("1.0", contents, "first"));
  ASSERT_OK(store->releases().quarantine("first", "chunk 0 does not match"));
  expect_everything_whole(0);
  EXPECT_FALSE(store->releases().all()->front().complete);
  EXPECT_TRUE(fs::exists(bench.folder() / "quarantine" / "first"));
  EXPECT_THAT(event_kinds(), ElementsAre("fetched", "quarantined"));
  EXPECT_FAILS(store->releases().quarantine("first", "again"), not_found);
  ASSERT_OK(admit("1.0", contents, "first"));
  expect_everything_whole(1);
  EXPECT_TRUE(store->releases().all()->front().complete);
}

TEST_F(ReleaseStoreTest, KeepsTheNewestTwoQuarantinedPacks) {
  open();
  for (unsigned i = 0; i < 4; ++i) {
    const std::string name = "pack" + std::to_string(i);
    ASSERT_OK(admit("1." + std::to_string(i), {random_bytes(1000, i)}, name));
    ASSERT_OK(store->releases().quarantine(name, "test"));
  }
  EXPECT_EQ(store->usage()->quarantined, 2U);
  EXPECT_TRUE(fs::exists(bench.folder() / "quarantine" / "pack3"));
}

TEST_F(ReleaseStoreTest, ScrubFindsARottenPack) {
  open();
  ASSERT_OK(admit("1.0", {random_bytes(300'000, 1)}, "good"));
  ASSERT_OK(admit("1.1", {random_bytes(300'000, 2)}, "bad"));
  const Duration interval = std::chrono::hours(1);
  EXPECT_FALSE(store->scrub_step(interval).value()) << "just admitted, nothing is due";
  rot("bad");
  clock.time += interval;
  EXPECT_TRUE(store->scrub_step(interval).value());
  EXPECT_TRUE(store->scrub_step(interval).value());
  EXPECT_FALSE(store->scrub_step(interval).value());
  EXPECT_THAT(event_kinds(), ElementsAre("fetched", "fetched", "quarantined"));
  expect_everything_whole(1);
}

TEST_F(ReleaseStoreTest, ScrubsAlthoughTheClockWasSetBack) {
  open();
  ASSERT_OK(admit("1.0", {random_bytes(1000, 1)}, "pack"));
  clock.time = Time();
  EXPECT_TRUE(store->scrub_step(std::chrono::hours(1)).value());
  EXPECT_FALSE(store->scrub_step(std::chrono::hours(1)).value());
}

TEST_F(ReleaseStoreTest, EvictsAReleaseAndTheBytesThatNobodyElseNeeds) {
  const auto shared = random_bytes(1000, 1);
  const auto own = random_bytes(300'000, 2);
  open();
  ASSERT_OK(admit("1.0", {shared}, "shared"));
  ASSERT_OK(admit("1.1", {shared, own}, "own"));
  const auto before = store->usage()->bytes;
  ASSERT_OK(store->releases().evict(release_of("1.1", {}).release, "quota"));
  EXPECT_FALSE(fs::exists(bench.packs() / "own"));
  EXPECT_LT(store->usage()->bytes + 300'000, before + 1);
  expect_everything_whole(1);
  ASSERT_OK(store->releases().evict(release_of("1.0", {}).release, "quota"));
  EXPECT_TRUE(fs::is_empty(bench.packs()));
  EXPECT_FAILS(store->releases().evict(release_of("1.0", {}).release, "quota"), not_found);
}

TEST_F(ReleaseStoreTest, RemembersWhatIsLeftOutUntilItIsAdmitted) {
  const auto content = random_bytes(1000, 1);
  open();
  ASSERT_OK(admit("1.0", {content}, "pack"));
  ASSERT_OK(store->releases().evict(release_of("1.0", {}).release, "quota"));
  ASSERT_OK(store->releases().leave_out(release_of("0.9", {}).release));
  ASSERT_OK(store->releases().leave_out(release_of("0.9", {}).release));
  open();
  const auto left_out = store->releases().left_out();
  ASSERT_OK(left_out);
  ASSERT_EQ(left_out->size(), 2U);
  EXPECT_EQ(left_out->at(0).version, "0.9");
  EXPECT_EQ(left_out->at(1).version, "1.0");
  EXPECT_EQ(left_out->at(1).channel, release_of("1.0", {}).release.channel);
  ASSERT_OK(admit("1.0", {content}, "pack"));
  EXPECT_EQ(store->releases().left_out()->size(), 1U);
}

TEST_F(ReleaseStoreTest, TellsHowMuchIsShort) {
  open();
  const std::uint64_t quota = options.quota;
  EXPECT_EQ(store->shortfall({{"a", 1000}}).value(), 0U);
  const auto used = store->usage()->bytes;
  options.quota = used + (1U << 20U);
  open();
  EXPECT_EQ(store->shortfall({{"a", 500'000}}).value(), 0U);
  const auto one = store->shortfall({{"a", 1'000'000}});
  ASSERT_OK(one);
  EXPECT_GT(*one, 0U);
  const auto two = store->shortfall({{"a", 1'000'000}, {"b", 1'000'000}});
  ASSERT_OK(two);
  EXPECT_GT(*two, *one + 1'000'000);
  options.quota = quota;
}

TEST_F(ReleaseStoreTest, ComputesDigestsThatOldDevicesAskFor) {
  auto content = random_bytes(600'000, 1);
  const Sha256 name = Sha256::of(content);
  open();
  ASSERT_OK(admit("1.0", {content}, "pack"));
  const auto expected = [&](Algorithm algorithm, std::size_t appended, std::size_t left_out) {
    std::vector<std::byte> padded = content;
    padded.insert(padded.end(), appended, std::byte{0xFF});
    padded.resize(padded.size() - left_out);
    Digester digester(algorithm);
    digester.update(padded);
    return digester.hex();
  };
  for (int round = 0; round < 2; ++round) {  // computed, then from the cache
    EXPECT_EQ(store->releases().digest(name, "sha256").value(), name.hex());
    EXPECT_EQ(store->releases().digest(name, "sha1").value(), expected(Algorithm::sha1, 0, 0));
    EXPECT_EQ(store->releases().digest(name, "md5").value(), expected(Algorithm::md5, 0, 0));
    EXPECT_EQ(store->releases().digest(name, "sha256+4").value(),
              expected(Algorithm::sha256, 4, 0));
    EXPECT_EQ(store->releases().digest(name, "sha256-512").value(),
              expected(Algorithm::sha256, 0, 512));
    EXPECT_EQ(store->releases().digest(name, "md5+64-512").value(),
              expected(Algorithm::md5, 64, 512));
    EXPECT_EQ(store->releases().digest(name, "md5+512-64").value(),
              expected(Algorithm::md5, 512, 64));
    open();
  }
}

TEST_F(ReleaseStoreTest, RefusesDigestsThatAreNotWellFormed) {
  const auto content = random_bytes(100, 1);
  open();
  ASSERT_OK(admit("1.0", {content}, "pack"));
  for (const char* kind :
       {"", "sha512", "sha256+", "sha256-", "sha256+0", "sha256+04", "sha256-1+1", "sha256+1-1-1",
        "sha256+65537", "sha256+99999999999999999999", "md5 ", "md5+-1", "SHA1", "sha256-101"}) {
    EXPECT_FAILS(store->releases().digest(Sha256::of(content), kind), invalid);
  }
  EXPECT_FAILS(store->releases().digest(Sha256::of({}), "md5"), not_found);
}

TEST_F(ReleaseStoreTest, ADigestOfRottenBytesIsNeverGiven) {
  const auto content = random_bytes(300'000, 1);
  open();
  ASSERT_OK(admit("1.0", {content}, "pack"));
  rot("pack");
  EXPECT_FAILS(store->releases().digest(Sha256::of(content), "md5"), corrupt);
  expect_everything_whole(0);
}

TEST_F(ReleaseStoreTest, RefusesWhatDoesNotFitTheQuota) {
  options.quota = 2'000'000;
  open();
  ASSERT_OK(admit("1.0", {random_bytes(1'000'000, 1)}, "first"));
  EXPECT_FAILS(store->incoming("second", 1'000'000), disk_full);
  EXPECT_OK(store->incoming("second", 300'000));
  EXPECT_FAILS(store->incoming("../second", 1), invalid);
  EXPECT_FAILS(store->incoming("second-journal", 1), invalid);
}

TEST_F(ReleaseStoreTest, QuarantineMakesRoom) {
  options.quota = 2'500'000;
  open();
  ASSERT_OK(admit("1.0", {random_bytes(1'500'000, 1)}, "first"));
  ASSERT_OK(store->releases().quarantine("first", "test"));
  EXPECT_OK(store->incoming("first", 1'500'000));
  EXPECT_EQ(store->usage()->quarantined, 0U);
}

TEST_F(ReleaseStoreTest, ManyThreadsAtOnce) {
  const auto content = random_bytes(300'000, 1);
  open();
  ASSERT_OK(admit("1.0", {content}, "pack"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 25; ++n) {
        EXPECT_OK(
            store->releases().digest(Sha256::of(content), "md5+" + std::to_string(1 + n % 5)));
        EXPECT_OK(store->outbox().append({event("progress")}));
        EXPECT_EQ(store->releases().all()->size(), 1U);
        Device device;
        device.id = "device" + std::to_string(i);
        EXPECT_OK(store->fleet().put(device));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store->fleet().devices()->size(), 4U);
  EXPECT_EQ(store->outbox().size().value(), 101U);
}

TEST_F(ReleaseStoreTest, OpensFastWithAThousandReleases) {
  open();
  std::vector<std::vector<std::byte>> contents;
  for (unsigned i = 0; i < 1000; ++i) contents.push_back(random_bytes(100, i));
  const auto sealed = fetch("all", contents);
  ASSERT_OK(sealed);
  for (std::size_t i = 0; i < contents.size(); ++i) {
    const auto held = release_of("1." + std::to_string(i), {contents[i]});
    ASSERT_OK(store->releases().admit(held, {(*sealed)[i]}, {}));
  }
  Duration taken = Duration::max();
  for (int i = 0; i < 5; ++i) {  // the best of them: what else runs here is not its fault
    store.reset();
    const auto begin = std::chrono::steady_clock::now();
    open();
    const auto releases = store->releases().all();
    const auto artifacts = store->releases().artifacts();
    taken = std::min(
        taken, std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin));
    ASSERT_OK(releases);
    EXPECT_EQ(releases->size(), 1000U);
  }
  RecordProperty("milliseconds", static_cast<int>(taken.count()));
  EXPECT_LT(taken, Duration(100)) << "a gateway serves within 100 ms of its start";
}

}  // namespace
}  // namespace ferry::storage::testing
