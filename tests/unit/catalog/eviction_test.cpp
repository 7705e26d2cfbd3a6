#include "agent/catalog/eviction.hpp"

#include <gmock/gmock.h>

namespace ferry::catalog {
namespace {

using formats::Role;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

storage::HeldRelease release(const std::string& version, std::vector<Role> roles = {Role::firmware},
                             const std::string& from = "") {
  storage::HeldRelease held;
  held.release.product = "meter";
  held.release.version = version;
  held.release.channel = "stable";
  for (const Role role : roles) {
    formats::ReleaseArtifact artifact;
    artifact.role = role;
    artifact.name = version + std::string(to_string(role));
    artifact.size = 1000;
    if (role == Role::differential) artifact.from = from;
    artifact.sha256 = Sha256::of(as_bytes(artifact.name));
    held.release.artifacts.push_back(artifact);
  }
  return held;
}

class Eviction : public ::testing::Test {
 protected:
  Eviction() { device.product = "meter"; }

  std::vector<std::string> evicted(std::uint64_t shortfall) {
    std::vector<std::string> versions;
    const Demand demand = demand_of({device}, {delivery});
    for (const auto* held : plan_eviction({releases, demand, orders}, wanted, shortfall)) {
      versions.push_back(held->release.version);
    }
    return versions;
  }
  bool needed(const formats::Release& name) {
    const Demand demand = demand_of({device}, {delivery});
    return is_needed({releases, demand, orders}, name);
  }

  std::vector<storage::HeldRelease> releases{release("1.0.0"), release("1.1.0"), release("1.9.0"),
                                             release("1.10.0")};
  storage::Device device;
  storage::Delivery delivery;
  Orders orders;
  formats::Release wanted;
};

TEST_F(Eviction, OldestGoFirstAndNoMoreThanNeeded) {
  EXPECT_THAT(evicted(1), ElementsAre("1.0.0"));
  EXPECT_THAT(evicted(1001), ElementsAre("1.0.0", "1.1.0"));
}

TEST_F(Eviction, OldestIsWhatIsHeldForLongest) {
  for (auto& held : releases) held.admitted = from_unix_ms(5000);
  releases[2].admitted = from_unix_ms(1000);
  EXPECT_THAT(evicted(1500), ElementsAre("1.9.0", "1.0.0"));
}

TEST_F(Eviction, NothingGoesWhenAllOfItWouldNotDo) {
  EXPECT_THAT(evicted(3000), ElementsAre("1.0.0", "1.1.0", "1.9.0"));
  EXPECT_THAT(evicted(3001), IsEmpty());
}

TEST_F(Eviction, TheNewestStays) {
  releases = {release("1.10.0"), release("1.9.0")};
  EXPECT_THAT(evicted(1), ElementsAre("1.9.0"));
}

TEST_F(Eviction, TheNewestOfEachChannelAndProductStays) {
  releases[0].release.channel = "beta";
  releases[1].release.product = "pump";
  EXPECT_THAT(evicted(1), ElementsAre("1.9.0"));
}

TEST_F(Eviction, VersionsAreOrderedAsTheProductSays) {
  releases = {release("1.0.0"), release("1.0.0-rc1")};
  EXPECT_THAT(evicted(1), ElementsAre("1.0.0")) << "loosely, the longer one is newer";
  orders["meter"] = config::VersionOrder::semver;
  EXPECT_THAT(evicted(1), ElementsAre("1.0.0-rc1"));
  releases = {release("1.0.0"), release("nightly")};
  EXPECT_THAT(evicted(1), IsEmpty()) << "what is no version supersedes nothing";
}

TEST_F(Eviction, AnIncompleteReleaseSupersedesNothing) {
  releases = {release("1.0.0"), release("1.1.0")};
  releases[1].complete = false;
  EXPECT_THAT(evicted(1), IsEmpty());
}

TEST_F(Eviction, TheNewestOfEachKindStays) {
  releases = {release("1.0.0", {Role::file}), release("1.1.0", {Role::firmware, Role::archive}),
              release("1.2.0", {Role::firmware})};
  EXPECT_THAT(evicted(1), IsEmpty()) << "devices still take their files from 1.0.0";
  releases.push_back(release("1.3.0", {Role::file, Role::archive}));
  EXPECT_THAT(evicted(2000), ElementsAre("1.0.0", "1.1.0"));
}

TEST_F(Eviction, WhatADeviceRunsOrShallRunStays) {
  device.version = "1.0.0";
  device.assigned_version = "1.1.0";
  EXPECT_THAT(evicted(1), ElementsAre("1.9.0"));
}

TEST_F(Eviction, WhatIsBeingDeliveredStaysUntilThatEnds) {
  delivery.product = "meter";
  delivery.version = "1.0.0";
  delivery.from_version = "1.1.0";
  for (const auto state : {storage::DeliveryState::waiting, storage::DeliveryState::transferring,
                           storage::DeliveryState::transferred}) {
    delivery.state = state;
    EXPECT_THAT(evicted(1), ElementsAre("1.9.0"));
  }
  for (const auto state : {storage::DeliveryState::installed, storage::DeliveryState::failed,
                           storage::DeliveryState::unknown}) {
    delivery.state = state;
    EXPECT_THAT(evicted(1), ElementsAre("1.0.0"));
  }
}

TEST_F(Eviction, TheBaseOfAPackageThatIsStillOfferedStays) {
  releases = {release("1.0.0"), release("1.1.0", {Role::firmware, Role::differential}, "1.0.0"),
              release("1.2.0", {Role::firmware, Role::differential}, "1.1.0")};
  EXPECT_THAT(evicted(1), ElementsAre("1.0.0")) << "its package was superseded with 1.1.0";
  releases.pop_back();
  EXPECT_THAT(evicted(1), IsEmpty());
}

TEST_F(Eviction, BytesThatAnotherReleaseHasDoNotComeFree) {
  releases[0].release.artifacts = releases[3].release.artifacts;
  EXPECT_THAT(evicted(2000), ElementsAre("1.0.0", "1.1.0", "1.9.0"));
  EXPECT_THAT(evicted(2001), IsEmpty());
}

TEST_F(Eviction, NorDoThoseThatTheNewOneHasToo) {
  wanted.artifacts = releases[1].release.artifacts;
  EXPECT_THAT(evicted(2000), ElementsAre("1.0.0", "1.1.0", "1.9.0"));
  EXPECT_THAT(evicted(2001), IsEmpty());
}

TEST_F(Eviction, AReleaseThatIsNotHeldIsJudgedByItsNameAlone) {
  formats::Release name;
  name.product = "meter";
  name.channel = "stable";
  name.version = "1.2.0";
  EXPECT_FALSE(needed(name));
  device.assigned_version = "1.2.0";
  EXPECT_TRUE(needed(name));
  device.assigned_version = "";
  name.version = "2.0.0";
  EXPECT_TRUE(needed(name));
  name.version = "1.2.0";
  name.channel = "beta";
  EXPECT_TRUE(needed(name));
}

}  // namespace
}  // namespace ferry::catalog
