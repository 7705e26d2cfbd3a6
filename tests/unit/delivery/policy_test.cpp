#include "agent/delivery/policy.hpp"

#include <gtest/gtest.h>

#include "config/day_window.hpp"

namespace ferry::delivery {
namespace {

using config::DayWindow;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class Policy : public ::testing::Test {
 protected:
  Policy() {
    settings.name = "meter";
    around.now = {Time(Duration(1795000000000)), Steady(hours(10))};
    around.time_of_day = hours(12);
    around.transport = "serial";
  }
  std::string why(StepKind step = StepKind::transfer) const {
    const auto hold = policy_hold(settings, entry, step, device, around);
    return hold ? hold->why : "";
  }

  config::ProductSettings settings;
  Entry entry;
  DeviceClaim device;
  Circumstances around;
};

TEST_F(Policy, NothingHoldsByDefault) {
  for (const auto step : {StepKind::transfer, StepKind::activate, StepKind::confirm}) {
    EXPECT_EQ(why(step), "");
  }
}

TEST_F(Policy, AWindowMayGoOverMidnight) {
  settings.window = {DayWindow{22 * 60, 6 * 60}};
  EXPECT_EQ(why(), "waits: window 22:00-06:00");
  EXPECT_EQ(why(StepKind::activate), "waits: window 22:00-06:00");
  EXPECT_EQ(why(StepKind::confirm), "") << "it would go back meanwhile";
  for (const Duration inside :
       {Duration(hours(22)), Duration(hours(23)), Duration(0), Duration(hours(6)) - Duration(1)}) {
    around.time_of_day = inside;
    EXPECT_EQ(why(), "") << inside.count();
  }
  around.time_of_day = hours(6);
  EXPECT_EQ(why(), "waits: window 22:00-06:00");
  EXPECT_EQ(window_hold(settings, hours(6))->passes_in, minutes(5)) << "the clock may be set";
  EXPECT_EQ(window_hold(settings, hours(22) - minutes(1))->passes_in, minutes(1));
  EXPECT_EQ(config::until_window(settings.window, hours(6)), hours(16));
  EXPECT_EQ(config::until_window(settings.window, hours(22) - minutes(1)), minutes(1));
}

TEST_F(Policy, TheNextOfSeveralWindowsIsWaitedFor) {
  settings.window = {DayWindow{60, 120}, DayWindow{13 * 60, 14 * 60}};
  EXPECT_EQ(config::until_window(settings.window, hours(12)), hours(1));
  EXPECT_EQ(config::until_window(settings.window, hours(15)), hours(10));
  EXPECT_EQ(why(), "waits: window 01:00-02:00, 13:00-14:00");
}

TEST_F(Policy, WithoutATimeNoWindowIsOpen) {
  settings.window = {DayWindow{0, 24 * 60}};
  EXPECT_EQ(why(), "");
  around.time_of_day.reset();
  EXPECT_EQ(why(), "waits: window 00:00-24:00, the clock is not set");
}

TEST_F(Policy, WhatADeviceDoesNotTellIsNotAskedFor) {
  settings.minimum_battery = 50;
  settings.minimum_signal = -80;
  EXPECT_EQ(why(), "");
  device.battery = 20;
  EXPECT_EQ(why(), "waits: battery 20 % below 50 %");
  device.battery = 50;
  device.signal = -90;
  EXPECT_EQ(why(), "waits: signal -90 dBm below -80 dBm");
  EXPECT_EQ(why(StepKind::activate), "") << "nothing goes over the air for that";
  device.signal = -80;
  EXPECT_EQ(why(), "");
}

TEST_F(Policy, SoManyAtOnceOnATransport) {
  around.under_way = 3;
  EXPECT_EQ(why(), "");
  around.under_way = 4;
  EXPECT_EQ(why(), "waits: 4 at once on serial");
  EXPECT_EQ(why(StepKind::activate), "");
}

TEST_F(Policy, RetriesWaitEverLonger) {
  settings.retry_delay = minutes(1);
  EXPECT_EQ(pause_after(settings, 1), minutes(1));
  EXPECT_EQ(pause_after(settings, 2), minutes(2));
  EXPECT_EQ(pause_after(settings, 6), minutes(32));
  EXPECT_EQ(pause_after(settings, 7), hours(1));
  EXPECT_EQ(pause_after(settings, 1000), hours(1));
  settings.retry_delay = hours(3);
  EXPECT_EQ(pause_after(settings, 1), hours(3)) << "longer than the longest, if so wanted";
  entry.delivery.attempts = 2;
  entry.retry_at = around.now.steady + seconds(40);
  EXPECT_EQ(why(), "waits: retry in 40s (attempt 3 of 5)");
  EXPECT_EQ(why(StepKind::confirm), "waits: retry in 40s (attempt 3 of 5)");
  around.now.steady += seconds(40);
  EXPECT_EQ(why(), "");
}

TEST_F(Policy, InstallationOnCommand) {
  settings.install = config::InstallWhen::on_command;
  EXPECT_EQ(why(), "");
  EXPECT_EQ(why(StepKind::activate), "waits: install on command");
  entry.delivery.forced = true;
  EXPECT_EQ(why(StepKind::activate), "waits: install on command") << "force is no such word";
  entry.delivery.may_install = true;
  EXPECT_EQ(why(StepKind::activate), "");
}

TEST_F(Policy, ForceIgnoresWindowBatterySignalAndNumberButNoPause) {
  settings.window = {DayWindow{0, 1}};
  settings.minimum_battery = 50;
  device.battery = 1;
  around.under_way = 100;
  EXPECT_NE(why(), "");
  entry.delivery.forced = true;
  EXPECT_EQ(why(), "");
  entry.delivery.paused = true;
  EXPECT_EQ(why(), "paused");
}

TEST_F(Policy, DurationsAreReadEasily) {
  EXPECT_EQ(to_text(Duration(1)), "1s");
  EXPECT_EQ(to_text(Duration(seconds(40))), "40s");
  EXPECT_EQ(to_text(Duration(seconds(121))), "3min");
  EXPECT_EQ(to_text(Duration(minutes(119))), "119min");
  EXPECT_EQ(to_text(Duration(hours(3))), "3h");
}

}  // namespace
}  // namespace ferry::delivery
