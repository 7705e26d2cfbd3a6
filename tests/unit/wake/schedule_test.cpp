#include "agent/wake/schedule.hpp"

#include <gtest/gtest.h>

namespace ferry::wake {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr Time a_day_in_2026{Duration(1795000000000)};

class WakeSchedule : public ::testing::Test {
 protected:
  WakeSchedule() {
    settings.name = "meters";
    settings.product = "meter";
    target.settings = &settings;
    target.device = "7";
    target.version = "2.0";
    now.wall = a_day_in_2026;
    now.steady = Steady(hours(10));
    now.time_of_day = hours(12);
  }

  void pass(Duration time) {
    now.wall += time;
    now.steady += time;
  }
  // What a power cut leaves: the rows, and a steady clock that begins anew.
  void restart(Duration off, bool clock_is_set = true) {
    now.wall = clock_is_set ? now.wall + off : Time(minutes(1));
    now.steady = Steady(minutes(1));
    schedule = Schedule(per_hour, {rows.begin(), rows.end()}, now);
  }
  Standing look() { return schedule.look(target, now); }
  bool due() { return look().due; }
  std::string waits() { return look().waits; }
  void wake() {
    ASSERT_TRUE(due()) << waits();
    rows = {schedule.wake(target, now)};
  }
  void seen() { target.last_seen = now.wall; }

  static constexpr std::uint64_t per_hour = 3;
  config::WakeSettings settings;
  Target target;
  Moment now;
  std::vector<storage::WakeUp> rows;
  Schedule schedule{per_hour, {}, Moment{}};
};

TEST_F(WakeSchedule, WhoHasNothingToGetIsLeftInPeace) {
  target.version = "";
  EXPECT_FALSE(due());
  EXPECT_EQ(waits(), "");
}

TEST_F(WakeSchedule, ADeviceIsWokenOnceItsReleaseIsHere) {
  EXPECT_TRUE(due());
  wake();
  EXPECT_EQ(rows[0].attempts, 1U);
  EXPECT_EQ(rows[0].version, "2.0");
  EXPECT_EQ(rows[0].sent, std::vector<Time>{now.wall});
  EXPECT_EQ(waits(), "waits: the device to show itself");
}

TEST_F(WakeSchedule, AgainAfterAnIntervalThatGrowsUpToTheLongest) {
  settings.per_day = 100;
  settings.longest_interval = hours(5);
  for (const int pause : {1, 2, 4, 5, 5}) {
    wake();
    EXPECT_EQ(look().due_in, Duration(hours(pause)));
    pass(hours(pause) - Duration(1));
    EXPECT_FALSE(due()) << pause;
    pass(Duration(1));
  }
}

TEST_F(WakeSchedule, AtAFixedIntervalWhereTheLongestIsTheSame) {
  settings.per_day = 100;
  settings.longest_interval = settings.interval;
  for (int i = 0; i < 10; ++i) {
    wake();
    EXPECT_EQ(look().due_in, Duration(hours(1)));
    pass(hours(1));
  }
}

TEST_F(WakeSchedule, NoIntervalOverflows) {
  settings.interval = hours(24 * 365);
  settings.longest_interval = hours(24 * 3650);
  EXPECT_EQ(pause_after(settings, 1), settings.interval);
  EXPECT_EQ(pause_after(settings, UINT64_MAX), settings.longest_interval);
}

TEST_F(WakeSchedule, ADeviceThatShowsItselfIsNotWokenAgain) {
  wake();
  pass(minutes(5));
  seen();
  EXPECT_TRUE(look().changed) << "a restart must not forget it";
  EXPECT_FALSE(look().changed);
  EXPECT_EQ(waits(), "waits: it showed itself");
  for (int i = 0; i < 48; ++i) {
    pass(minutes(29));
    seen();
    EXPECT_FALSE(due()) << "it stays";
  }
}

TEST_F(WakeSchedule, OneThatWentAwayWithoutItsReleaseIsWokenAnew) {
  wake();
  pass(hours(1));
  wake();
  pass(minutes(5));
  seen();
  EXPECT_EQ(look().due_in, Duration(hours(24)));
  pass(hours(24) - Duration(1));
  EXPECT_FALSE(due());
  pass(Duration(1));
  wake();
  EXPECT_EQ(rows[0].attempts, 1U) << "from the shortest interval on";
}

TEST_F(WakeSchedule, AClockThatJumpsBackHidesNoDevice) {
  wake();
  target.last_seen = now.wall - hours(24 * 365);
  EXPECT_EQ(waits(), "waits: it showed itself");
}

TEST_F(WakeSchedule, ADeviceThatIsHereNeedsNoWord) {
  target.last_seen = now.wall - minutes(10);
  EXPECT_EQ(waits(), "waits: it was here just now");
  EXPECT_EQ(look().due_in, Duration(minutes(50)));
  pass(minutes(49));
  seen();
  EXPECT_EQ(waits(), "waits: it showed itself") << "it had its chance";
  EXPECT_FALSE(look().changed) << "nothing was sent, so nothing has to be kept";
}

TEST_F(WakeSchedule, OneThatWasHereAWhileAgoIsWokenAfterTheInterval) {
  target.last_seen = now.wall - minutes(10);
  EXPECT_FALSE(due());
  pass(minutes(50));
  EXPECT_TRUE(due());
}

TEST_F(WakeSchedule, ATimeThatNoClockOfTodayToldSaysNothing) {
  for (const Time odd : {Time(minutes(5)), now.wall + minutes(1)}) {
    target.device += "x";
    target.last_seen = odd;
    EXPECT_TRUE(due()) << to_unix_ms(odd);
  }
}

TEST_F(WakeSchedule, AnotherReleaseBeginsAnew) {
  wake();
  seen();
  EXPECT_FALSE(due());
  target.version = "2.1";
  EXPECT_EQ(waits(), "waits: it was here just now");
  pass(hours(1));
  wake();
  EXPECT_EQ(rows[0].attempts, 1U);
  EXPECT_EQ(rows[0].sent.size(), 2U) << "but not its budget";
}

TEST_F(WakeSchedule, WhatHoldsItCostsNothing) {
  target.hold = "waits: the broker";
  EXPECT_EQ(waits(), "waits: the broker");
  target.hold = "";
  EXPECT_TRUE(due());
}

TEST_F(WakeSchedule, OnlyWithinItsWindow) {
  settings.window = {config::DayWindow{6 * 60, 22 * 60}};
  EXPECT_TRUE(due());
  now.time_of_day = hours(22);
  EXPECT_EQ(waits(), "waits: window 06:00-22:00");
  EXPECT_EQ(look().due_in, Duration(minutes(5))) << "the clock may be set";
  now.time_of_day = hours(6) - minutes(1);
  EXPECT_EQ(look().due_in, Duration(minutes(1)));
  now.time_of_day.reset();
  EXPECT_EQ(waits(), "waits: window 06:00-22:00, the clock is not set");
}

TEST_F(WakeSchedule, ADeviceHasABudgetForAnyTwentyFourHours) {
  settings.per_day = 2;
  settings.longest_interval = settings.interval;
  wake();
  pass(hours(1));
  wake();
  pass(hours(1));
  EXPECT_EQ(waits(), "waits: 2 in 24 h are enough");
  EXPECT_EQ(look().due_in, Duration(hours(22)));
  pass(hours(22) - Duration(1));
  EXPECT_FALSE(due());
  pass(Duration(1));
  wake();
  EXPECT_EQ(waits(), "waits: the device to show itself");
  pass(hours(1));
  wake();
  pass(hours(1));
  EXPECT_EQ(waits(), "waits: 2 in 24 h are enough");
}

TEST_F(WakeSchedule, TheGatewayHasABudgetForAnyHour) {
  for (const char* device : {"1", "2", "3"}) {
    target.device = device;
    wake();
    pass(minutes(10));
  }
  EXPECT_EQ(schedule.in_last_hour(now), 3U);
  target.device = "4";
  EXPECT_EQ(waits(), "waits: 3 of the gateway in an hour are enough");
  EXPECT_EQ(look().due_in, Duration(minutes(30)));
  pass(minutes(30));
  EXPECT_TRUE(due());
}

TEST_F(WakeSchedule, APowerCutGivesNoBudgetAgain) {
  settings.per_day = 1;
  wake();
  restart(minutes(5));
  EXPECT_EQ(waits(), "waits: the device to show itself");
  EXPECT_EQ(schedule.in_last_hour(now), 1U);
  pass(hours(2));
  EXPECT_EQ(waits(), "waits: 1 in 24 h are enough");
  EXPECT_EQ(look().due_in, Duration(hours(22) - minutes(5))) << "by the wall clock";
}

TEST_F(WakeSchedule, ThePauseBetweenTwoRunsCounts) {
  wake();
  restart(hours(1));
  EXPECT_TRUE(due());
  EXPECT_EQ(schedule.in_last_hour(now), 0U);
}

TEST_F(WakeSchedule, WithoutAClockAllThatWasSentCountsAsIfItWereNow) {
  settings.per_day = 1;
  wake();
  restart(hours(100), false);
  EXPECT_EQ(look().due_in, Duration(hours(1)));
  EXPECT_EQ(schedule.in_last_hour(now), 1U);
  pass(hours(23));
  EXPECT_EQ(waits(), "waits: 1 in 24 h are enough");
  pass(hours(1));
  EXPECT_TRUE(due()) << "it is surely older than a day now";
}

TEST_F(WakeSchedule, AClockThatIsSetLateTellsOfEarlierRuns) {
  const Time before = now.wall;
  wake();
  restart(hours(0), false);
  EXPECT_FALSE(due());
  now.wall = before + hours(30);
  EXPECT_TRUE(due());
}

TEST_F(WakeSchedule, AClockThatIsSetForwardGivesNoBudgetOfThisRun) {
  settings.per_day = 1;
  now.wall = Time(hours(1));
  wake();
  now.wall = a_day_in_2026;
  EXPECT_FALSE(due());
  restart(minutes(1));
  EXPECT_FALSE(due()) << "nobody knows when in 1970 that was";
  pass(hours(24));
  EXPECT_TRUE(due());
}

TEST_F(WakeSchedule, ThatADeviceShowedItselfOutlivesARestart) {
  wake();
  pass(minutes(5));
  seen();
  ASSERT_TRUE(look().changed);
  rows = {*schedule.row("meter", "7")};
  EXPECT_EQ(rows[0].sent.size(), 1U);
  restart(hours(2));
  EXPECT_EQ(waits(), "waits: it showed itself");
}

TEST_F(WakeSchedule, WhatWasSeenJustBeforeThePowerCutIsKnownByItsTime) {
  wake();
  pass(minutes(5));
  seen();
  restart(hours(2));  // the row says nothing of it
  EXPECT_EQ(waits(), "waits: it showed itself");
}

}  // namespace
}  // namespace ferry::wake
