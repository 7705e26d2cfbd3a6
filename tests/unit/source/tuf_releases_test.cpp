// Releases from the targets of a TUF repository.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/source/tuf_releases.hpp"
#include "base/file.hpp"
#include "formats/json.hpp"

namespace ferry::source {
namespace {

using formats::Json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class TufReleasesTest : public testing::Test {
 protected:
  tuf::TargetFile& add(const std::string& path, const std::string& version, std::uint64_t artifacts,
                       Json more = Json::object()) {
    tuf::TargetFile& file = files_[path];
    file.length = 100;
    file.hashes["sha256"] = Sha256::of(as_bytes(path)).hex();
    Json facts = {{"product", "meter"}, {"version", version}, {"artifacts", artifacts}};
    facts["role"] = "firmware";
    facts.update(more);
    file.custom["ferry"] = facts;
    return file;
  }
  TufReleases releases() const {
    TufTargets targets;
    for (const auto& [path, file] : files_) targets.emplace(path, &file);
    return releases_of(targets);
  }
  std::string refused() const {
    const TufReleases made = releases();
    EXPECT_THAT(made.releases, IsEmpty());
    return made.refused.empty() ? "" : made.refused[0].what + ": " + made.refused[0].why;
  }
  std::map<std::string, tuf::TargetFile> files_;
};

TEST_F(TufReleasesTest, JoinsWhatBelongsTogether) {
  add("meter/1.0/fw.bin", "1.0", 2);
  add("meter/1.0/x", "1.0", 2, {{"role", "file"}, {"name", "lib/x.py"}, {"dst_path", "lib/x.py"}});
  add("meter/2.0/fw.bin", "2.0", 2, {{"channel", "beta"}});
  add("meter/2.0/step", "2.0", 2, {{"channel", "beta"}, {"role", "differential"}, {"from", "1.0"}});
  files_["other"].custom = Json{{"else", 1}};
  files_["plain"];
  const TufReleases made = releases();
  EXPECT_THAT(made.refused, IsEmpty());
  ASSERT_THAT(made.releases, SizeIs(2));
  EXPECT_EQ(made.releases[0].release.channel, "stable");
  EXPECT_EQ(made.releases[0].paths.at("lib/x.py"), "meter/1.0/x");
  EXPECT_EQ(made.releases[0].paths.at("fw.bin"), "meter/1.0/fw.bin");
  EXPECT_EQ(made.releases[1].release.channel, "beta");
  EXPECT_EQ(made.releases[1].release.artifacts[1].from, "1.0");
}

TEST_F(TufReleasesTest, AReleaseIsAnotherWhenAnyOfItsTargetsIs) {
  add("meter/1.0/fw.bin", "1.0", 1);
  const Sha256 before = releases().releases.at(0).identity;
  files_["meter/1.0/fw.bin"].length = 101;
  EXPECT_NE(releases().releases.at(0).identity, before);
}

TEST_F(TufReleasesTest, APartAndAnExcessAreRefused) {
  add("meter/1.0/fw.bin", "1.0", 2);
  EXPECT_THAT(refused(), HasSubstr("meter 1.0: meter/1.0/fw.bin says that it has 2 artifacts, but "
                                   "1 are named"));
  add("meter/1.0/x", "1.0", 1, {{"role", "file"}, {"dst_path", "x"}});
  EXPECT_THAT(refused(), HasSubstr("but 2 are named"));
}

TEST_F(TufReleasesTest, APathBelongsToItsProduct) {
  add("pump/1.0/fw.bin", "1.0", 1);
  EXPECT_THAT(refused(), HasSubstr("says product 'meter', but its path"));
  files_.clear();
  add("meterx/fw.bin", "1.0", 1);
  EXPECT_THAT(refused(), HasSubstr("says product 'meter', but its path"));
}

TEST_F(TufReleasesTest, WhatIsNotOfTheFormIsRefusedAndCostsNoOtherRelease) {
  add("meter/1.0/fw.bin", "1.0", 1);
  files_["meter/a"].custom = Json{{"ferry", 1}};
  for (const char* key : {"product", "version", "artifacts", "role"}) {
    add(std::string("meter/no-") + key, "9", 1).custom["ferry"].erase(key);
    add(std::string("meter/bad-") + key, "9", 1).custom["ferry"][key] = Json::array();
  }
  for (const char* key : {"name", "dst_path", "from", "channel"}) {
    add(std::string("meter/bad-") + key, "9", 1).custom["ferry"][key] = 1;
  }
  add("meter/rootkit", "9", 1, {{"role", "rootkit"}});
  add("meter/minus", "9", 1).custom["ferry"]["artifacts"] = -1;
  add("meter/no-hash", "9", 1).hashes = {{"sha512", "00"}};
  add("meter/escape", "8", 1, {{"name", "../../passwd"}});
  add("meter/version", "../7", 1);
  const TufReleases made = releases();
  EXPECT_THAT(made.releases, SizeIs(1));
  EXPECT_THAT(made.refused, SizeIs(18));
}

TEST_F(TufReleasesTest, TheDocumentsExampleIsWhatItSays) {
  const auto text = read_file(FERRY_RELEASE_FORMAT, 1U << 20U);
  ASSERT_TRUE(text);
  const std::string begin = "<!-- example: target -->\n```json\n";
  const std::size_t at = text->find(begin) + begin.size();
  const Json example = Json::parse(text->substr(at, text->find("```", at) - at));
  for (const auto& [path, entry] : example.items()) {
    tuf::TargetFile& file = files_[path];
    file.length = entry["length"].get<std::uint64_t>();
    file.hashes["sha256"] = entry["hashes"]["sha256"];
    file.custom = entry["custom"];
  }
  add("meter/1.0.1/firmware_1.0.1.bin", "1.0.1", 2);
  const TufReleases made = releases();
  EXPECT_THAT(made.refused, IsEmpty());
  ASSERT_THAT(made.releases, SizeIs(1));
  EXPECT_THAT(made.releases[0].release.artifacts, SizeIs(2));
}

}  // namespace
}  // namespace ferry::source
