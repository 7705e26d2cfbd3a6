#include "agent/catalog/offer.hpp"

#include <gtest/gtest.h>

namespace ferry::catalog {
namespace {

using formats::ReleaseArtifact;
using formats::Role;

// Builds a catalog release by release.
class Shelf {
 public:
  Shelf& release(const std::string& version, std::vector<ReleaseArtifact> artifacts,
                 const std::string& channel = "stable") {
    storage::HeldRelease held;
    held.source = "cloud";
    held.release.product = "meter";
    held.release.version = version;
    held.release.channel = channel;
    held.release.artifacts = std::move(artifacts);
    for (const auto& artifact : held.release.artifacts) {
      storage::StoredArtifact stored;
      stored.sha256 = artifact.sha256;
      stored.size = artifact.size;
      if (artifact.name != missing_) artifacts_.push_back(stored);
    }
    releases_.push_back(std::move(held));
    return *this;
  }
  Shelf& without(const std::string& name) {
    missing_ = name;
    return *this;
  }
  View view(config::VersionOrder order = config::VersionOrder::loose,
            std::set<std::string> lapsed = {}) const {
    return View(releases_, artifacts_, {{"meter", order}}, std::move(lapsed));
  }

 private:
  std::vector<storage::HeldRelease> releases_;
  std::vector<storage::StoredArtifact> artifacts_;
  std::string missing_;
};

ReleaseArtifact artifact(Role role, const std::string& name, std::uint64_t size,
                         const std::string& from = "") {
  ReleaseArtifact made;
  made.role = role;
  made.name = name;
  if (role == Role::file) made.dst_path = name;
  made.from = from;
  made.size = size;
  made.sha256 = Sha256::of(as_bytes(name + std::to_string(size)));
  return made;
}

ReleaseArtifact image(const std::string& name) {
  return artifact(Role::firmware, name, 1000);
}

DeviceFacts device(const std::string& version) {
  DeviceFacts facts;
  facts.product = "meter";
  facts.version = version;
  return facts;
}

TEST(Offer, NewestReleaseAboveTheDevice) {
  const View view = Shelf()
                        .release("1.0.0", {image("a")})
                        .release("1.10.0", {image("c")})
                        .release("1.9.0", {image("b")})
                        .view();
  const auto offer = plan_offer(view, Policy{}, device("1.0.0"));
  ASSERT_TRUE(offer);
  EXPECT_EQ(offer->version, "1.10.0");
  ASSERT_EQ(offer->picks.size(), 1U);
  EXPECT_EQ(offer->picks[0].artifact->name, "c");
}

TEST(Offer, NothingForADeviceThatIsUpToDate) {
  const View view = Shelf().release("1.0.0", {image("a")}).view();
  EXPECT_FALSE(plan_offer(view, Policy{}, device("1.0.0")));
}

TEST(Offer, NeverADowngrade) {
  const View view = Shelf().release("1.0.0", {image("a")}).view();
  EXPECT_FALSE(plan_offer(view, Policy{}, device("2.0.0")));
}

TEST(Offer, ADowngradeOnlyWhenAssignedAndAllowed) {
  const View view = Shelf().release("1.0.0", {image("a")}).view();
  DeviceFacts facts = device("2.0.0");
  facts.assigned_version = "1.0.0";
  EXPECT_FALSE(plan_offer(view, Policy{}, facts));
  facts.downgrade = true;
  EXPECT_TRUE(plan_offer(view, Policy{}, facts));
  facts.downgrade = false;
  Policy policy;
  policy.allow_downgrade = true;
  EXPECT_TRUE(plan_offer(view, policy, facts));
  EXPECT_FALSE(plan_offer(view, policy, device("2.0.0"))) << "allowed, but nobody assigned it";
}

TEST(Offer, AnAssignedVersionIsTakenInsteadOfTheNewest) {
  const View view = Shelf().release("1.1", {image("a")}).release("1.2", {image("b")}).view();
  DeviceFacts facts = device("1.0");
  facts.assigned_version = "1.1";
  EXPECT_EQ(plan_offer(view, Policy{}, facts)->version, "1.1");
}

TEST(Offer, OnlyTheDevicesChannel) {
  const View view =
      Shelf().release("1.1", {image("a")}).release("1.2", {image("b")}, "beta").view();
  EXPECT_EQ(plan_offer(view, Policy{}, device("1.0"))->version, "1.1");
  DeviceFacts facts = device("1.0");
  facts.channel = "beta";
  EXPECT_EQ(plan_offer(view, Policy{}, facts)->version, "1.2");
}

TEST(Offer, AnUnknownVersionGetsTheNewest) {
  const View view = Shelf().release("1.1", {image("a")}).view();
  EXPECT_EQ(plan_offer(view, Policy{}, device(""))->version, "1.1");
}

TEST(Offer, ReleasesOfALapsedSourceAreInvisible) {
  const Shelf shelf = Shelf().release("1.0.0", {image("a")}).release("1.1.0", {image("b")});
  EXPECT_FALSE(
      plan_offer(shelf.view(config::VersionOrder::loose, {"cloud"}), Policy{}, device("0.9")));
  EXPECT_TRUE(
      plan_offer(shelf.view(config::VersionOrder::loose, {"another"}), Policy{}, device("0.9")));
}

TEST(Offer, IncompleteReleasesAreInvisible) {
  const View view =
      Shelf().without("b").release("1.1", {image("a")}).release("1.2", {image("b")}).view();
  EXPECT_EQ(plan_offer(view, Policy{}, device("1.0"))->version, "1.1");
}

TEST(Offer, FilesAndImageAreChosenEachByItself) {
  const View view = Shelf()
                        .release("1.1", {artifact(Role::file, "flash/main.py", 10), image("a")})
                        .release("1.2", {image("b")})
                        .view();
  const auto offer = plan_offer(view, Policy{}, device("1.0"));
  ASSERT_TRUE(offer);
  ASSERT_EQ(offer->picks.size(), 2U);
  EXPECT_EQ(offer->picks[0].version, "1.1");
  EXPECT_EQ(offer->picks[1].version, "1.2");
  EXPECT_EQ(offer->version, "1.2");
}

TEST(Offer, ADeviceOnAnImageOnlyVersionKeepsTheFilesBelowIt) {
  const View view = Shelf()
                        .release("1.1", {artifact(Role::file, "flash/main.py", 10)})
                        .release("1.2", {image("b")})
                        .release("1.3", {artifact(Role::file, "flash/main.py", 11)})
                        .view();
  const auto offer = plan_offer(view, Policy{}, device("1.2"));
  ASSERT_TRUE(offer && offer->base_known);
  ASSERT_EQ(offer->base.size(), 1U);
  EXPECT_EQ(offer->base[0]->size, 10U);
}

TEST(Offer, TheBaseOfAnUnknownVersionIsNotKnown) {
  const View view = Shelf()
                        .release("1.1", {artifact(Role::file, "flash/main.py", 10)})
                        .release("1.3", {artifact(Role::file, "flash/main.py", 11)})
                        .view();
  const auto offer = plan_offer(view, Policy{}, device("1.2"));
  ASSERT_TRUE(offer);
  EXPECT_FALSE(offer->base_known);
  EXPECT_TRUE(offer->base.empty());
}

class Differential : public ::testing::Test {
 protected:
  Policy policy() const {
    Policy made;
    made.takes_differential = true;
    return made;
  }
};

TEST_F(Differential, TakenWhenItFitsAndIsSmaller) {
  const View view =
      Shelf().release("1.1", {image("full"), artifact(Role::differential, "d", 100, "1.0")}).view();
  EXPECT_EQ(plan_offer(view, policy(), device("1.0"))->picks[0].artifact->name, "d");
}

TEST_F(Differential, NotForAnotherVersion) {
  const View view =
      Shelf().release("1.1", {image("full"), artifact(Role::differential, "d", 100, "1.0")}).view();
  EXPECT_EQ(plan_offer(view, policy(), device("0.9"))->picks[0].artifact->name, "full");
}

TEST_F(Differential, NotWhenItIsLarger) {
  const View view =
      Shelf()
          .release("1.1", {image("full"), artifact(Role::differential, "d", 2000, "1.0")})
          .view();
  EXPECT_EQ(plan_offer(view, policy(), device("1.0"))->picks[0].artifact->name, "full");
}

TEST_F(Differential, NotForADialectThatCannotHandItOver) {
  const View view =
      Shelf().release("1.1", {image("full"), artifact(Role::differential, "d", 100, "1.0")}).view();
  EXPECT_EQ(plan_offer(view, Policy{}, device("1.0"))->picks[0].artifact->name, "full");
}

TEST_F(Differential, AReleaseWithNoImageForThisVersionIsPassedOver) {
  const View view = Shelf()
                        .release("1.1", {image("full")})
                        .release("1.2", {artifact(Role::differential, "d", 100, "1.1")})
                        .view();
  EXPECT_EQ(plan_offer(view, policy(), device("1.0"))->version, "1.1");
}

TEST(Offer, SemanticVersionsWhereTheProductSaysSo) {
  const View view = Shelf()
                        .release("1.0.0-rc.1", {image("rc")})
                        .release("1.0.0", {image("final")})
                        .release("nightly", {image("other")})
                        .view(config::VersionOrder::semver);
  Policy policy;
  policy.versions = config::VersionOrder::semver;
  EXPECT_EQ(plan_offer(view, policy, device("1.0.0-rc.1"))->version, "1.0.0");
  EXPECT_FALSE(plan_offer(view, policy, device("what")))
      << "not comparable, so not known to be above";
}

}  // namespace
}  // namespace ferry::catalog
