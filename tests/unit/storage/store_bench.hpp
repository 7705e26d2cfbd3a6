// A store in a folder of its own, with a clock that the test moves, and releases to put into it.
#pragma once

#include <memory>

#include "storage/store.hpp"
#include "tests/unit/storage/workbench.hpp"

namespace ferry::storage::testing {

class FakeClock final : public Clock {
 public:
  Time now() const override { return time; }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(time.time_since_epoch());
  }
  Time time = std::chrono::sys_days(std::chrono::year(2026) / 5 / 17);
};

inline Event event(const std::string& kind, const std::string& detail = "{}") {
  Event made;
  made.kind = kind;
  made.detail = detail;
  return made;
}

// A release of product "pump" whose artifacts have these contents.
inline HeldRelease release_of(const std::string& version,
                              const std::vector<std::vector<std::byte>>& contents) {
  HeldRelease held;
  held.release.product = "pump";
  held.release.version = version;
  held.release.channel = "stable";
  held.source = "cloud";
  for (std::size_t i = 0; i < contents.size(); ++i) {
    formats::ReleaseArtifact artifact;
    artifact.role = i == 0 ? formats::Role::firmware : formats::Role::file;
    artifact.name = "part" + std::to_string(i);
    artifact.dst_path = i == 0 ? "" : "flash/part" + std::to_string(i);
    artifact.size = contents[i].size();
    artifact.sha256 = Sha256::of(contents[i]);
    artifact.url = "r/" + version + "/part" + std::to_string(i);
    held.release.artifacts.push_back(artifact);
  }
  return held;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { options.folder = bench.folder(); }

  void open() {
    store.reset();
    auto opened = Store::open(options, clock);
    ASSERT_OK(opened);
    store = std::move(*opened);
  }
  // Fetches what a source would fetch, into one pack.
  Result<std::vector<StoredArtifact>> fetch(const std::string& pack,
                                            const std::vector<std::vector<std::byte>>& contents) {
    std::uint64_t expected = 0;
    for (const auto& content : contents) expected += content.size();
    auto writer = store->incoming(pack, expected);
    if (!writer) return fail(writer.error());
    for (const auto& content : contents) {
      const Status stored = testing::store(*writer, content);
      if (!stored) return fail(stored.error());
    }
    return writer->seal(store->packs_folder());
  }
  Status admit(const std::string& version, const std::vector<std::vector<std::byte>>& contents,
               const std::string& pack) {
    auto sealed = fetch(pack, contents);
    if (!sealed) return fail(sealed.error());
    return store->releases().admit(release_of(version, contents), *sealed, {event("fetched")});
  }
  // Every artifact that the store names must read back whole.
  void expect_everything_whole(std::size_t count) {
    const auto artifacts = store->releases().artifacts();
    ASSERT_OK(artifacts);
    EXPECT_EQ(artifacts->size(), count);
    PackReader reader(store->packs_folder());
    for (const StoredArtifact& artifact : *artifacts) {
      const auto bytes = read_all(reader, artifact);
      ASSERT_OK(bytes);
      EXPECT_EQ(Sha256::of(*bytes), artifact.sha256);
    }
  }
  std::vector<std::string> event_kinds() {
    std::vector<std::string> kinds;
    const auto events = store->outbox().waiting(0, 1000);
    EXPECT_OK(events);
    for (const Event& waiting : *events) kinds.push_back(waiting.kind);
    return kinds;
  }
  void rot(const std::string& pack) {
    const fs::path file = bench.packs() / pack;
    fs::permissions(file, fs::perms::owner_all);
    std::string bytes = read_text(file);
    for (std::size_t at = bytes.size() / 2; at < bytes.size() / 2 + 20'000; ++at) bytes[at] ^= 1;
    std::ofstream(file, std::ios::binary) << bytes;
  }

  Workbench bench;
  FakeClock clock;
  StoreOptions options;
  std::unique_ptr<Store> store;
};

}  // namespace ferry::storage::testing
