#include "agent/monitor/retained.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace ferry::monitor {
namespace {

std::vector<std::string> taken(Retained& retained) {
  std::vector<std::string> all;
  while (const auto message = retained.next())
    all.push_back(message->topic + "=" + message->payload);
  return all;
}

using Lines = std::vector<std::string>;

TEST(Retained, OnlyTheLatestOfATopicGoesOut) {
  Retained retained(10);
  retained.set("a", "1");
  retained.set("b", "2");
  retained.set("a", "3");
  EXPECT_EQ(taken(retained), (Lines{"b=2", "a=3"}));
  EXPECT_EQ(taken(retained), Lines{});
}

TEST(Retained, EqualPayloadsDoNotGoOutAgain) {
  Retained retained(10);
  retained.set("a", "1");
  taken(retained);
  retained.set("a", "1");
  EXPECT_EQ(taken(retained), Lines{});
  retained.set("a", "2");
  EXPECT_EQ(taken(retained), Lines{"a=2"});
}

TEST(Retained, AfterALossEverythingGoesOutAgain) {
  Retained retained(10);
  retained.set("a", "1");
  retained.set("b", "2");
  taken(retained);
  retained.set("b", "3");
  retained.send_all();
  EXPECT_EQ(taken(retained), (Lines{"a=1", "b=3"}));
}

TEST(Retained, ARemovalIsRepeatedToo) {
  Retained retained(10);
  retained.set("a", "1");
  retained.set("a", "");
  EXPECT_EQ(taken(retained), Lines{"a="});
  retained.send_all();
  EXPECT_EQ(taken(retained), Lines{"a="});
}

TEST(Retained, TheOneSetLongestAgoMakesRoom) {
  Retained retained(2);
  retained.set("a", "1");
  retained.set("b", "2");
  retained.set("a", "3");
  retained.set("c", "4");
  EXPECT_EQ(retained.size(), 2U);
  EXPECT_EQ(taken(retained), (Lines{"a=3", "c=4"}));
}

}  // namespace
}  // namespace ferry::monitor
