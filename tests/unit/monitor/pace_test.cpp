#include "agent/monitor/pace.hpp"

#include <gtest/gtest.h>

namespace ferry::monitor {
namespace {

using namespace std::chrono_literals;

constexpr Steady outset{1000s};

int sent_at(Pace& pace, Steady now) {
  int count = 0;
  for (; pace.ready(now); ++count) pace.sent(now);
  return count;
}

TEST(Pace, SendsAGroupAtOnceAndThenSoManyASecond) {
  Pace pace(1000, 50);
  EXPECT_EQ(sent_at(pace, outset), 50);
  EXPECT_EQ(sent_at(pace, outset), 0);
  int count = 0;
  for (auto now = outset; now < outset + 10s; now += 10ms) count += sent_at(pace, now);
  EXPECT_NEAR(count, 10000, 50);
}

TEST(Pace, WhatWasNotSentDoesNotAddUp) {
  Pace pace(1000, 50);
  sent_at(pace, outset);
  EXPECT_EQ(sent_at(pace, outset + 1h), 50);
}

TEST(Pace, WhoWaitsUntilItSaysSoKeepsTheRate) {
  Pace pace(1000, 50);
  Steady now = outset;
  int count = sent_at(pace, now);
  int times = 0;
  for (; now < outset + 10s; ++times) {
    now = pace.next();
    count += sent_at(pace, now);
  }
  EXPECT_NEAR(count, 10000, 100);
  EXPECT_LE(times, 10000 / 25 + 1) << "for half a group at least";
}

}  // namespace
}  // namespace ferry::monitor
