#include "agent/monitor/latest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace ferry::monitor {
namespace {

using namespace std::chrono_literals;

constexpr Steady begin{1000s};

std::vector<std::string> taken(Latest& latest, Steady now = begin) {
  std::vector<std::string> all;
  while (const auto message = latest.next(now))
    all.push_back(message->topic + "=" + message->payload);
  return all;
}

using Lines = std::vector<std::string>;

TEST(Latest, OnlyTheLatestOfATopicGoesOut) {
  Latest latest(10, 0ms, true);
  latest.set("a", "1");
  latest.set("b", "2");
  latest.set("a", "3");
  EXPECT_EQ(taken(latest), (Lines{"b=2", "a=3"}));
  EXPECT_EQ(taken(latest), Lines{});
}

TEST(Latest, EqualPayloadsDoNotGoOutAgain) {
  Latest latest(10, 0ms, true);
  latest.set("a", "1");
  taken(latest);
  latest.set("a", "1");
  EXPECT_EQ(taken(latest), Lines{});
  latest.set("a", "2");
  EXPECT_EQ(taken(latest), Lines{"a=2"});
}

TEST(Latest, AfterALossEverythingGoesOutAgain) {
  Latest latest(10, 0ms, true);
  latest.set("a", "1");
  latest.set("b", "2");
  taken(latest);
  latest.set("b", "3");
  latest.send_all();
  EXPECT_EQ(taken(latest), (Lines{"a=1", "b=3"}));
}

TEST(Latest, ARemovalIsRepeatedToo) {
  Latest latest(10, 0ms, true);
  latest.set("a", "1");
  latest.set("a", "");
  EXPECT_EQ(taken(latest), Lines{"a="});
  latest.send_all();
  EXPECT_EQ(taken(latest), Lines{"a="});
}

TEST(Latest, TheOneSetLongestAgoMakesRoom) {
  Latest latest(2, 0ms, true);
  latest.set("a", "1");
  latest.set("b", "2");
  latest.set("a", "3");
  latest.set("c", "4");
  EXPECT_EQ(latest.size(), 2U);
  EXPECT_EQ(taken(latest), (Lines{"a=3", "c=4"}));
}

TEST(Latest, ATopicGoesOutAtMostOnceInItsInterval) {
  Latest latest(10, 1s, true);
  latest.set("a", "1");
  EXPECT_EQ(taken(latest), Lines{"a=1"});
  EXPECT_FALSE(latest.due());
  latest.set("a", "2");
  latest.set("a", "3");
  latest.set("b", "1");
  EXPECT_EQ(latest.due(), Steady{});
  EXPECT_EQ(taken(latest, begin + 999ms), Lines{"b=1"});
  EXPECT_EQ(latest.due(), begin + 1s);
  EXPECT_EQ(taken(latest, begin + 1s), Lines{"a=3"});
  EXPECT_EQ(taken(latest, begin + 5s), Lines{});
}

TEST(Latest, ANewConnectionWaitsForNoInterval) {
  Latest latest(10, 1s, true);
  latest.set("a", "1");
  taken(latest);
  latest.set("a", "2");
  latest.send_all();
  EXPECT_EQ(taken(latest), Lines{"a=2"});
}

TEST(Latest, TheLastOfATopicGoesAtOnceAndIsForgotten) {
  Latest latest(10, 1s, false);
  latest.set("t", "0%");
  EXPECT_EQ(taken(latest), Lines{"t=0%"});
  latest.set("t", "50%");
  latest.finish("t", "100%");
  EXPECT_EQ(taken(latest), Lines{"t=100%"});
  EXPECT_EQ(latest.size(), 0U);
  latest.send_all();
  EXPECT_EQ(taken(latest, begin + 9s), Lines{});
}

TEST(Latest, TheLastOfATopicGoesEvenWhenNothingIsNew) {
  Latest latest(10, 1s, false);
  latest.set("t", "100%");
  taken(latest);
  latest.finish("t", "100%");
  EXPECT_EQ(taken(latest), Lines{"t=100%"});
}

TEST(Latest, AFinishedTopicIsOpenNoMoreEvenBeforeItsLastHasGone) {
  Latest latest(10, 1s, false);
  EXPECT_FALSE(latest.is_open("t"));
  latest.set("t", "0%");
  EXPECT_TRUE(latest.is_open("t"));
  taken(latest);
  EXPECT_TRUE(latest.is_open("t"));
  latest.finish("t", "100%");
  EXPECT_FALSE(latest.is_open("t"));
  EXPECT_EQ(taken(latest), Lines{"t=100%"});
}

TEST(Latest, WhatMakesRoomIsNotSent) {
  Latest latest(1, 1s, true);
  latest.set("a", "1");
  taken(latest);
  latest.set("a", "2");
  latest.set("b", "1");
  EXPECT_EQ(taken(latest, begin + 9s), Lines{"b=1"});
}

}  // namespace
}  // namespace ferry::monitor
