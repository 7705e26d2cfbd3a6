#include "agent/source/turns.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <utility>

namespace ferry::source {
namespace {

TEST(Turns, OnlyAHigherPriorityGoesFirst) {
  Turns turns;
  EXPECT_EQ(turns.first_before(0), "");
  const auto one = turns.take(1, "one");
  const auto two = turns.take(2, "two");
  EXPECT_EQ(turns.first_before(0), "two");
  EXPECT_EQ(turns.first_before(1), "two");
  EXPECT_EQ(turns.first_before(2), "");
}

TEST(Turns, EndWithTheirObject) {
  Turns turns;
  std::optional<Turns::Turn> first = turns.take(3, "first");
  const Turns::Turn other = turns.take(3, "other");
  first.reset();
  EXPECT_EQ(turns.first_before(0), "other");
  {
    const Turns::Turn third = turns.take(4, "third");
    EXPECT_EQ(turns.first_before(3), "third");
  }
  EXPECT_EQ(turns.first_before(3), "");
}

TEST(Turns, AreMovedAsOne) {
  Turns turns;
  {
    Turns::Turn turn = turns.take(1, "one");
    const Turns::Turn moved = std::move(turn);
    EXPECT_EQ(turns.first_before(0), "one");
  }
  EXPECT_EQ(turns.first_before(0), "");
}

TEST(Turns, AreWaitedFor) {
  Turns turns;
  EXPECT_TRUE(turns.wait(0, std::stop_token()));
  std::optional<Turns::Turn> high = turns.take(1, "high");
  bool waited = false;
  std::thread low([&] { waited = turns.wait(0, std::stop_token()); });
  high.reset();
  low.join();
  EXPECT_TRUE(waited);
}

TEST(Turns, AreNotWaitedForByOneThatIsStopped) {
  Turns turns;
  const Turns::Turn high = turns.take(1, "high");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(turns.wait(0, stop.get_token()));
}

}  // namespace
}  // namespace ferry::source
