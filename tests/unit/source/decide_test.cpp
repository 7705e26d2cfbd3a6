// What the sources decide without I/O: backoff, packs, headers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/source/backoff.hpp"
#include "agent/source/http_client.hpp"
#include "agent/source/ingest.hpp"

namespace ferry::source {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Backoff, DoublesUntilTheLinkIsAskedOnceAMinute) {
  const auto full = [](unsigned failures) {
    return backoff(failures, ErrorCode::unavailable, 10min, 0.0) * 2;
  };
  EXPECT_EQ(full(1), 1s);
  EXPECT_EQ(full(2), 2s);
  EXPECT_EQ(full(5), 16s);
  EXPECT_EQ(full(7), 60s);
  EXPECT_EQ(full(1000000), 60s);
}

TEST(Backoff, IsNeverLongerThanTheIntervalWhileTheLinkIsAway) {
  EXPECT_LE(backoff(20, ErrorCode::timed_out, 5s, 0.99), 5s);
  EXPECT_GE(backoff(20, ErrorCode::timed_out, 1ms, 0.0), 500ms) << "but never a busy loop";
}

TEST(Backoff, GrowsToAnHourForWhatWasRefused) {
  for (const ErrorCode code : {ErrorCode::corrupt, ErrorCode::denied, ErrorCode::invalid}) {
    EXPECT_GT(backoff(30, code, 10min, 0.99), 55min);
    EXPECT_LE(backoff(1, code, 10min, 0.99), 1s);
  }
  EXPECT_GT(backoff(30, ErrorCode::corrupt, 24h, 0.99), 9h)
      << "or to the interval, when it is longer";
}

TEST(Backoff, IsSpreadOverHalfOfIt) {
  EXPECT_EQ(backoff(3, ErrorCode::unavailable, 10min, 0.0), 2s);
  EXPECT_EQ(backoff(3, ErrorCode::unavailable, 10min, 0.5), 3s);
  EXPECT_EQ(jittered(10min, 0.0), 9min);
  EXPECT_EQ(jittered(10min, 0.5), 10min);
}

formats::ReleaseArtifact artifact(const std::string& name, std::uint64_t size,
                                  const std::string& content) {
  formats::ReleaseArtifact made;
  made.role = formats::Role::file;
  made.name = name;
  made.size = size;
  made.sha256 = Sha256::of(as_bytes(content));
  return made;
}

TEST(PackPlans, LargeArtifactsAloneSmallOnesTogetherEachDigestOnce) {
  formats::Release release;
  release.artifacts = {artifact("large", own_pack_size, "L"), artifact("a", 1, "a"),
                       artifact("b", own_pack_size - 1, "b"), artifact("same as a", 1, "a"),
                       artifact("held", 5, "held"),           artifact("larger", 5 << 20, "M")};
  const auto wanted = [](const formats::ReleaseArtifact& a) { return a.name != "held"; };
  const std::vector<PackPlan> plans = plan_packs("cloud", release, wanted);
  ASSERT_THAT(plans, SizeIs(3));
  EXPECT_THAT(plans[0].artifacts, ElementsAre(&release.artifacts[0]));
  EXPECT_THAT(plans[1].artifacts, ElementsAre(&release.artifacts[5]));
  EXPECT_THAT(plans[2].artifacts, ElementsAre(&release.artifacts[1], &release.artifacts[2]));
  EXPECT_EQ(plans[2].bytes, own_pack_size);
}

TEST(PackPlans, NamesAreFoundAgainAndDifferBetweenSources) {
  formats::Release release;
  release.artifacts = {artifact("a", 1, "a")};
  const auto all = [](const formats::ReleaseArtifact&) { return true; };
  const auto none = [](const formats::ReleaseArtifact&) { return false; };
  EXPECT_EQ(plan_packs("cloud", release, all)[0].name, plan_packs("cloud", release, all)[0].name);
  EXPECT_NE(plan_packs("cloud", release, all)[0].name, plan_packs("stick", release, all)[0].name);
  EXPECT_TRUE(formats::is_name(plan_packs("cloud", release, all)[0].name));
  EXPECT_THAT(plan_packs("cloud", release, none), IsEmpty());
}

TEST(Headers, OnlyAStrongPlainEtagIsAValidator) {
  EXPECT_EQ(strong_validator("\"5f3-62\""), "\"5f3-62\"");
  for (const char* bad : {"", "W/\"5f3\"", "5f3", "\"", "\"a\"b\"", "\"a b\"", "\"a\x7f\"",
                          "\"\xc3\xa4\"", "\"a\r\nX: y\""}) {
    EXPECT_EQ(strong_validator(bad), "") << bad;
  }
  EXPECT_EQ(strong_validator('"' + std::string(255, 'a') + '"'), "");
}

TEST(Headers, ContentRangeIsReadStrictly) {
  const auto good = parse_content_range("bytes 100-199/200");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->first, 100U);
  EXPECT_EQ(good->last, 199U);
  EXPECT_EQ(good->total, 200U);
  for (const char* bad :
       {"", "bytes", "bytes 0-1", "bytes 0-1/", "bytes */5", "bytes 0-1/*", "bytes 2-1/5",
        "bytes 0-5/5", "bytes -1-2/5", "bytes 0-1/5x", "items 0-1/5", "bytes  0-1/5",
        "bytes +0-1/5", "bytes 0-99999999999999999999/5"}) {
    EXPECT_FALSE(parse_content_range(bad)) << bad;
  }
}

TEST(Headers, StatusesTellWhetherToTryAgain) {
  EXPECT_EQ(unexpected_status(404).value().code, ErrorCode::not_found);
  EXPECT_EQ(unexpected_status(403).value().code, ErrorCode::denied);
  for (const long status : {408L, 429L, 500L, 503L, 599L}) {
    EXPECT_EQ(unexpected_status(status).value().code, ErrorCode::unavailable) << status;
  }
  for (const long status : {204L, 206L, 304L, 400L}) {
    EXPECT_EQ(unexpected_status(status).value().code, ErrorCode::invalid) << status;
  }
}

}  // namespace
}  // namespace ferry::source
