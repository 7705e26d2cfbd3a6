#include "agent/source/trusted_time.hpp"

#include <gtest/gtest.h>

namespace ferry::source {
namespace {

using std::chrono::hours;
using Steady = std::chrono::steady_clock::time_point;

constexpr Time built{Duration(1'700'000'000'000)};
constexpr Time far = built + hours(24 * 365);

TEST(TimeFloor, IsNotBeforeTheBuild) {
  EXPECT_EQ(TimeFloor(built, Time{}).value(), built);
  EXPECT_EQ(TimeFloor(built, built + hours(5)).value(), built + hours(5));
}

TEST(TimeFloor, JudgesByTheClockUnlessThatIsBehind) {
  const TimeFloor floor(built, Time{});
  EXPECT_EQ(floor.judge(Time{}), built);
  EXPECT_EQ(floor.judge(built + hours(1)), built + hours(1));
  EXPECT_TRUE(floor.is_ahead_of(built - Duration(1)));
  EXPECT_FALSE(floor.is_ahead_of(built));
}

TEST(TimeFloor, NeverGoesDown) {
  TimeFloor floor(built, built + hours(10));
  EXPECT_FALSE(floor.raise(built + hours(9), far, Steady{}));
  EXPECT_EQ(floor.value(), built + hours(10));
}

TEST(TimeFloor, NobodyRaisesItBeyondTheEndOfHisOwnCertificate) {
  TimeFloor floor(built, Time{});
  EXPECT_FALSE(floor.raise(built + hours(3), built + hours(2), Steady{}));
  EXPECT_EQ(floor.value(), built);
  EXPECT_TRUE(floor.raise(built + hours(2), built + hours(2), Steady{}));
}

TEST(TimeFloor, ALongWayIsGoneInSteps) {
  TimeFloor floor(built, Time{});
  const Time told = built + TimeFloor::longest_step * 3;
  EXPECT_TRUE(floor.raise(told, far, Steady{}));
  EXPECT_EQ(floor.value(), built + TimeFloor::longest_step);
  EXPECT_FALSE(floor.raise(told, far, Steady{} + hours(1) - Duration(1)));
  EXPECT_TRUE(floor.raise(told, far, Steady{} + hours(1)));
  EXPECT_EQ(floor.value(), built + TimeFloor::longest_step * 2);
  EXPECT_TRUE(floor.raise(told, far, Steady{} + hours(1))) << "within reach now";
  EXPECT_EQ(floor.value(), told);
}

class SetClock final : public Clock {
 public:
  Time now() const override { return time; }
  Steady steady() const override { return Steady{}; }
  Time time{};
};

TEST(TrustedTime, IsKeptOnlyNowAndThen) {
  SetClock clock;
  std::vector<Time> kept;
  const Time start = build_time() + hours(1);
  TrustedTime time(clock, start, [&](Time floor) { kept.push_back(floor); });
  EXPECT_EQ(time.now(), start);
  EXPECT_TRUE(time.clock_is_behind());
  time.raise(start + std::chrono::minutes(59), start + hours(9));
  EXPECT_TRUE(kept.empty());
  EXPECT_EQ(time.floor(), start + std::chrono::minutes(59));
  time.raise(start + hours(1), start + hours(9));
  EXPECT_EQ(kept, std::vector<Time>{start + hours(1)});
  clock.time = start + hours(2);
  EXPECT_FALSE(time.clock_is_behind());
  EXPECT_EQ(time.now(), clock.time);
}

}  // namespace
}  // namespace ferry::source
