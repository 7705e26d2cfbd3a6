#include "ctl/format.hpp"

#include <gtest/gtest.h>

namespace ferry::ctl {
namespace {

using namespace std::chrono_literals;

TEST(HumanSize, TakesTheUnitThatFits) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(1023), "1023 B");
  EXPECT_EQ(human_size(1024), "1.0 KiB");
  EXPECT_EQ(human_size(1536), "1.5 KiB");
  EXPECT_EQ(human_size(64ULL << 20U), "64.0 MiB");
  EXPECT_EQ(human_size(4ULL << 30U), "4.0 GiB");
  EXPECT_EQ(human_size(~0ULL), "16777216.0 TiB");
}

TEST(HumanSize, NeverSays1024OfAUnit) {
  EXPECT_EQ(human_size((1U << 20U) - 1), "1.0 MiB");
  EXPECT_EQ(human_size((1ULL << 30U) - 1), "1.0 GiB");
}

TEST(HumanRate, SurvivesNonsense) {
  EXPECT_EQ(human_rate(1258291.2), "1.2 MiB/s");
  EXPECT_EQ(human_rate(-5), "0 B/s");
}

TEST(HumanDuration, HasAtMostTwoUnits) {
  EXPECT_EQ(human_duration(-1s), "0 s");
  EXPECT_EQ(human_duration(59'999ms), "59 s");
  EXPECT_EQ(human_duration(60s), "1 min 00 s");
  EXPECT_EQ(human_duration(200s), "3 min 20 s");
  EXPECT_EQ(human_duration(2h + 5min + 59s), "2 h 05 min");
  EXPECT_EQ(human_duration(99h), "4 d 03 h");
}

TEST(RelativeTime, LooksBothWays) {
  const Time now = from_unix_ms(1'700'000'000'000);
  EXPECT_EQ(relative_time(now, now), "just now");
  EXPECT_EQ(relative_time(now - 42s, now), "42 s ago");
  EXPECT_EQ(relative_time(now - 119s, now), "1 min ago");
  EXPECT_EQ(relative_time(now - 5h, now), "5 h ago");
  EXPECT_EQ(relative_time(now - 49h, now), "2 d ago");
  EXPECT_EQ(relative_time(now + 1s, now), "now");
  EXPECT_EQ(relative_time(now + 5min, now), "in 5 min");
}

TEST(Percent, Says100OnlyAtTheEnd) {
  EXPECT_EQ(percent(0, 10), "0%");
  EXPECT_EQ(percent(999, 1000), "99%");
  EXPECT_EQ(percent(10, 10), "100%");
  EXPECT_EQ(percent(0, 0), "100%");
}

TEST(ParseTime, ReadsWhatTheApiWrites) {
  const Time time = from_unix_ms(1'763'712'900'000);
  EXPECT_EQ(parse_time(to_rfc3339(time)), time);
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), from_unix_ms(0));
}

TEST(ParseTime, RefusesEverythingElse) {
  for (const char* text :
       {"", "2026-11-21", "2026-11-21T08:15:00", "2026-11-21T08:15:00+01:00",
        "2026-13-21T08:15:00Z", "2026-02-30T08:15:00Z", "2026-11-21T24:15:00Z",
        "2026-11-21T08:60:00Z", "2o26-11-21T08:15:00Z", "2026-11-21 08:15:00Z"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

TEST(Printable, LeavesNoControlCharacter) {
  EXPECT_EQ(printable("pump-7 Größe"), "pump-7 Größe");
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\tc\x7f"), "a?[2Jb???c?");
  EXPECT_EQ(printable("a\xc2\x9b"
                      "31mb"),
            "a?31mb");
}

}  // namespace
}  // namespace ferry::ctl
