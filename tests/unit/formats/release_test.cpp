#include "formats/release.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "formats/json.hpp"

namespace ferry::formats {
namespace {

using testing::HasSubstr;

ReleaseArtifact artifact(Role role, const std::string& name) {
  ReleaseArtifact made;
  made.role = role;
  made.name = name;
  made.size = 7;
  made.sha256 = Sha256::of(as_bytes(name));
  if (role == Role::file) made.dst_path = name;
  if (role == Role::differential) made.from = "1.0.0";
  return made;
}

Release meter() {
  Release release;
  release.product = "meter";
  release.version = "1.0.1";
  release.channel = "stable";
  release.artifacts = {artifact(Role::firmware, "firmware_1.0.1.bin"),
                       artifact(Role::file, "flash/lib/n.py"),
                       artifact(Role::archive, "archive_1.0.1.tar"),
                       artifact(Role::differential, "differential_1.0.0_to_1.0.1.bin")};
  return release;
}

std::string why_refused(const Release& release) {
  const Result<Release> parsed = parse_release(write_release(release));
  return parsed ? "accepted" : parsed.error().message;
}

TEST(Release, SurvivesWritingAndReading) {
  Release release = meter();
  release.artifacts[0].url = "artifacts/0a1b";
  const Result<Release> again = parse_release(write_release(release));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(write_release(*again), write_release(release));
  EXPECT_EQ(again->artifacts[0].url, "artifacts/0a1b");
  EXPECT_EQ(again->artifacts[1].dst_path, "flash/lib/n.py");
  EXPECT_EQ(again->artifacts[3].from, "1.0.0");
  EXPECT_EQ(again->find(Role::archive)->name, "archive_1.0.1.tar");
}

TEST(Release, ChannelIsStableUnlessSaid) {
  Json json = Json::parse(write_release(meter()));
  json.erase("channel");
  EXPECT_EQ(parse_release(json.dump())->channel, "stable");
}

TEST(Release, AnEmptyFileIsAFileButAnEmptyImageIsNone) {
  Release release = meter();
  release.artifacts[1].size = 0;
  EXPECT_EQ(why_refused(release), "accepted");
  release.artifacts[0].size = 0;
  EXPECT_THAT(why_refused(release), HasSubstr("'firmware_1.0.1.bin' is empty"));
}

struct Fault {
  const char* name;
  std::function<void(Release&)> make;
  const char* message;
};

class RefusedRelease : public testing::TestWithParam<Fault> {};

TEST_P(RefusedRelease, SaysWhy) {
  Release release = meter();
  GetParam().make(release);
  EXPECT_THAT(why_refused(release), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedRelease,
    testing::Values(
        Fault{"product", [](Release& r) { r.product = "a/b"; }, "product 'a/b'"},
        Fault{"version", [](Release& r) { r.version = ".1"; }, "version '.1'"},
        Fault{"channel", [](Release& r) { r.channel = "a b"; }, "channel 'a b'"},
        Fault{"empty", [](Release& r) { r.artifacts.clear(); }, "no artifacts"},
        Fault{"name_leaves", [](Release& r) { r.artifacts[0].name = "../x"; }, "name '../x'"},
        Fault{"name_twice", [](Release& r) { r.artifacts[1].name = r.artifacts[0].name; }, "twice"},
        Fault{"path_absolute", [](Release& r) { r.artifacts[1].dst_path = "/flash/x"; },
              "dst_path '/flash/x'"},
        Fault{"path_missing", [](Release& r) { r.artifacts[1].dst_path = ""; }, "dst_path"},
        Fault{"path_on_firmware", [](Release& r) { r.artifacts[0].dst_path = "x"; }, "no file"},
        Fault{"path_twice",
              [](Release& r) {
                r.artifacts.push_back(artifact(Role::file, "other"));
                r.artifacts.back().dst_path = "flash/lib/n.py";
              },
              "stands twice"},
        Fault{"file_as_folder",
              [](Release& r) { r.artifacts.push_back(artifact(Role::file, "flash/lib")); },
              "below another file"},
        Fault{"two_firmwares",
              [](Release& r) { r.artifacts.push_back(artifact(Role::firmware, "other")); },
              "second firmware"},
        Fault{"two_archives",
              [](Release& r) { r.artifacts.push_back(artifact(Role::archive, "other")); },
              "second archive"},
        Fault{"from_twice",
              [](Release& r) { r.artifacts.push_back(artifact(Role::differential, "other")); },
              "from '1.0.0' stands twice"},
        Fault{"from_itself", [](Release& r) { r.artifacts[3].from = "1.0.1"; },
              "not another version"},
        Fault{"from_on_firmware", [](Release& r) { r.artifacts[0].from = "1.0.0"; },
              "no differential"},
        Fault{"too_large", [](Release& r) { r.artifacts[0].size = (4ULL << 30U) + 1; }, "4 GiB"},
        Fault{"url_absolute", [](Release& r) { r.artifacts[0].url = "http://evil/x"; }, "url"},
        Fault{"url_leaves", [](Release& r) { r.artifacts[0].url = "a/../../x"; }, "url"},
        Fault{"url_encoded", [](Release& r) { r.artifacts[0].url = "a/%2e%2e/x"; }, "url"}),
    [](const auto& fault) { return fault.param.name; });

TEST(Release, RefusesWhatIsNotItsFormat) {
  Json json = Json::parse(write_release(meter()));
  json["format"] = "ferry-release/2";
  EXPECT_THAT(parse_release(json.dump()).error().message, HasSubstr("ferry-release/2"));
  EXPECT_FALSE(parse_release("[]"));
  EXPECT_FALSE(parse_release("null"));
  EXPECT_FALSE(parse_release(""));
  EXPECT_FALSE(parse_release("{"));
}

TEST(Release, RefusesWrongTypesNamingTheKey) {
  const Json good = Json::parse(write_release(meter()));
  for (const char* key : {"role", "name", "size", "sha256"}) {
    Json json = good;
    json["artifacts"][0][key] = Json::array();
    EXPECT_THAT(parse_release(json.dump()).error().message, HasSubstr(key));
    json["artifacts"][0].erase(key);
    EXPECT_THAT(parse_release(json.dump()).error().message, HasSubstr(key));
  }
  Json json = good;
  json["artifacts"][0]["size"] = -1;
  EXPECT_FALSE(parse_release(json.dump()));
  json["artifacts"][0]["size"] = 1.5;
  EXPECT_FALSE(parse_release(json.dump()));
  json = good;
  json["artifacts"][0] = "text";
  EXPECT_FALSE(parse_release(json.dump()));
  json["artifacts"] = Json::object();
  EXPECT_FALSE(parse_release(json.dump()));
}

TEST(Release, HashesHaveOneWriting) {
  Json json = Json::parse(write_release(meter()));
  std::string hash = json["artifacts"][0]["sha256"];
  std::transform(hash.begin(), hash.end(), hash.begin(), [](char c) { return std::toupper(c); });
  json["artifacts"][0]["sha256"] = hash;
  EXPECT_FALSE(parse_release(json.dump()));
  json["artifacts"][0]["sha256"] = hash.substr(1);
  EXPECT_FALSE(parse_release(json.dump()));
}

TEST(Release, LaterKeysAreIgnored) {
  Json json = Json::parse(write_release(meter()));
  json["notes"] = "fixes the clock";
  json["artifacts"][0]["compressed"] = {{"zstd", 1}};
  EXPECT_TRUE(parse_release(json.dump()));
}

TEST(Release, SameArtifactsWhateverTheirOrderAndPlace) {
  const Release one = meter();
  Release other = one;
  std::reverse(other.artifacts.begin(), other.artifacts.end());
  other.artifacts[0].url = "artifacts/x";
  EXPECT_TRUE(same_artifacts(one, other));
  other.artifacts[0].size = 8;
  EXPECT_FALSE(same_artifacts(one, other));
  other = one;
  other.artifacts.pop_back();
  EXPECT_FALSE(same_artifacts(one, other));
  EXPECT_FALSE(same_artifacts(other, one));
}

TEST(Release, TooManyArtifactsAreRefused) {
  Release release = meter();
  for (std::size_t i = 0; i < artifact_count_limit; ++i) {
    release.artifacts.push_back(artifact(Role::file, "f" + std::to_string(i)));
  }
  EXPECT_THAT(why_refused(release), HasSubstr("more than 10000"));
}

TEST(Names, AreShortAndPlain) {
  for (const char* good : {"1", "1.0.1b", "v1~rc+2", "a_b-c", "-"})
    EXPECT_TRUE(is_name(good)) << good;
  for (const char* bad : {"", ".", "..", ".a", "a/b", "a b", "a%", "ä", "a\n"}) {
    EXPECT_FALSE(is_name(bad)) << bad;
  }
  EXPECT_TRUE(is_name(std::string(120, 'a')));
  EXPECT_FALSE(is_name(std::string(121, 'a')));
}

TEST(Paths, StayInsideAndAreReadable) {
  for (const char* good :
       {"a", "a/b", "sd/some asset.txt", ".hidden", "a..b", "grüße.txt", "€/😀"}) {
    EXPECT_TRUE(is_relative_path(good)) << good;
  }
  for (const char* bad : {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "a/./b", "a\\b", "a\nb",
                          "a\x7f", "\xc2\x85", "\xff", "\xc0\xaf", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xe2\x82", "\xe0\x80\xaf"}) {
    EXPECT_FALSE(is_relative_path(bad)) << bad;
  }
  EXPECT_FALSE(is_relative_path(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_relative_path(std::string(513, 'a')));
  std::string deep = "a";
  for (int i = 1; i < 16; ++i) deep += "/a";
  EXPECT_TRUE(is_relative_path(deep));
  EXPECT_FALSE(is_relative_path(deep + "/a"));
}

}  // namespace
}  // namespace ferry::formats
