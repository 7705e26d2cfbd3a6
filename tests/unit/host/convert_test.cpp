#include "transports/host/convert.hpp"

#include <gtest/gtest.h>

namespace ferry::host {
namespace {

ferry_device device() {
  ferry_device given{};
  given.size = sizeof given;
  given.id = "meter-1";
  given.product = "meter";
  given.address = "10.0.0.7";
  given.proven = 1;
  return given;
}

TEST(ClaimOf, CopiesWhatWasSaid) {
  const ferry_device given = device();
  const auto claim = claim_of(&given);
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->id, "meter-1");
  EXPECT_EQ(claim->version, "");
  EXPECT_TRUE(claim->proven);
}

TEST(ClaimOf, DoesNotReadBeyondTheCallersStruct) {
  ferry_device given = device();
  given.version_lasts = 1;
  EXPECT_TRUE(claim_of(&given)->version_lasts);
  given.size = offsetof(ferry_device, version_lasts);
  EXPECT_FALSE(claim_of(&given)->version_lasts);
  given.size = offsetof(ferry_device, proven);
  EXPECT_FALSE(claim_of(&given)->proven);
  given.size = offsetof(ferry_device, address);
  EXPECT_FALSE(claim_of(&given));
  EXPECT_FALSE(claim_of(nullptr));
}

TEST(ClaimOf, RefusesWhatTheAgentWouldNotAccept) {
  const std::string long_text(formats::link::longest_id + 1, 'x');
  for (const char* id : {"", "a\nb", long_text.c_str(), static_cast<const char*>(nullptr)}) {
    ferry_device given = device();
    given.id = id;
    EXPECT_FALSE(claim_of(&given));
  }
  ferry_device given = device();
  given.product = "../meter";
  EXPECT_FALSE(claim_of(&given));
  given = device();
  given.version = long_text.c_str();
  EXPECT_FALSE(claim_of(&given));
}

TEST(Cut, EndsAtACharactersBorder) {
  EXPECT_EQ(cut("abc", 3), "abc");
  EXPECT_EQ(cut("abcd", 3), "abc");
  EXPECT_EQ(cut("ab\u00fc", 3), "ab");
  EXPECT_EQ(cut("a\u00fc", 3), "a\u00fc");
  EXPECT_EQ(cut("a\nb", 3), "a b");
  EXPECT_EQ(cut(nullptr, 3), "");
}

TEST(Wanted, IsBoundedAndPlain) {
  const char* good[] = {"sha1", "sha256/skip-last"};
  EXPECT_EQ(wanted(good, 2)->size(), 2U);
  const char* bad[] = {"sha1; drop table"};
  EXPECT_FALSE(wanted(bad, 1));
  const std::vector<const char*> many(formats::link::most_digests + 1, "sha1");
  EXPECT_FALSE(wanted(many.data(), many.size()));
}

TEST(OfferStruct, PointsAtWhatTheAgentSaid) {
  formats::link::Offer offer;
  offer.delivery = 7;
  offer.product = "meter";
  offer.version = "1.0.2";
  for (int i = 0; i < 100; ++i) {
    formats::link::ServableArtifact artifact;
    artifact.name = "file-" + std::to_string(i);
    artifact.sha256 = Sha256::of(as_bytes(artifact.name));
    artifact.pack = "one.pack";
    artifact.digests = {{"sha1", "00ff"}};
    offer.artifacts.push_back(artifact);
    offer.base_files.push_back({artifact.name, artifact.sha256});
  }
  ArtifactTable table;
  const auto made = OfferStruct::make(offer, table);
  ASSERT_TRUE(made);
  const ferry_offer& given = made->c();
  EXPECT_EQ(given.from_version, nullptr);
  ASSERT_EQ(given.artifact_count, 100U);
  ASSERT_EQ(given.base_count, 100U);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(given.artifacts[i].name, "file-" + std::to_string(i));
    EXPECT_EQ(given.artifacts[i].sha256, offer.artifacts[i].sha256.hex());
    EXPECT_STREQ(given.artifacts[i].digests[0].hex, "00ff");
    EXPECT_EQ(given.base_files[i].sha256, offer.artifacts[i].sha256.hex());
    EXPECT_EQ(table.find(given.artifacts[i].handle)->artifact.sha256, offer.artifacts[i].sha256);
  }
}

}  // namespace
}  // namespace ferry::host
