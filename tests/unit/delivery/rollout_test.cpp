#include "agent/delivery/rollout.hpp"

#include <gtest/gtest.h>

namespace ferry::delivery {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class RolloutTest : public ::testing::Test {
 protected:
  RolloutTest() : rollouts({}) {
    settings.name = "meter";
    settings.rollout_first = 2;
    settings.rollout_wait = hours(1);
    settings.stop_after = 3;
  }
  Moment now() const {
    return {Time(Duration(1795000000000)) + passed, Steady(hours(10)) + passed};
  }
  std::string why(const Tally& tally, const Delivery* delivery = nullptr, bool assigned = false) {
    const Joining device{delivery, "meter", "1.1", assigned};
    const auto hold = rollouts.hold(settings, device, tally, devices, now());
    return hold ? hold->why : "";
  }
  RolloutChange fail_one() {
    Delivery delivery;
    delivery.product = "meter";
    delivery.version = "1.1";
    return rollouts.failed(settings, delivery, now());
  }
  void restart() {
    std::vector<Rollout> stored;
    if (const Rollout* kept = rollouts.find("meter", "1.1")) stored.push_back(*kept);
    rollouts = Rollouts(stored, now());
  }

  config::ProductSettings settings;
  Rollouts rollouts;
  Duration passed{0};
  std::size_t devices = 50;
};

TEST_F(RolloutTest, TheFirstOnesThenAPauseThenTheRest) {
  EXPECT_EQ(why({0, 0}), "");
  EXPECT_EQ(why({1, 0}), "");
  EXPECT_EQ(why({2, 0}), "waits: rollout, first 2 devices");
  EXPECT_FALSE(rollouts.settle(settings, "1.1", {2, 1}, devices, now()));
  ASSERT_TRUE(rollouts.settle(settings, "1.1", {2, 2}, devices, now()));
  EXPECT_EQ(why({2, 2}), "waits: rollout, first 2 devices, the others in 60min");
}

TEST_F(RolloutTest, ThePauseSurvivesARestart) {
  (void)rollouts.settle(settings, "1.1", {2, 2}, devices, now());
  passed = minutes(40);
  restart();
  EXPECT_EQ(why({2, 2}), "waits: rollout, first 2 devices, the others in 20min");
  EXPECT_FALSE(rollouts.settle(settings, "1.1", {2, 2}, devices, now()));
  passed = minutes(60);
  EXPECT_EQ(why({2, 2}), "");
  const auto open = rollouts.settle(settings, "1.1", {2, 2}, devices, now());
  ASSERT_TRUE(open);
  EXPECT_TRUE(open->rollout.open);
  restart();
  EXPECT_EQ(why({40, 20}), "");
  EXPECT_FALSE(rollouts.settle(settings, "1.1", {2, 2}, devices, now())) << "told once";
}

TEST_F(RolloutTest, AShareOfTheDevices) {
  settings.rollout_first = 0;
  settings.rollout_percent = 10;
  EXPECT_EQ(first_group(settings, 50), 5U);
  EXPECT_EQ(first_group(settings, 51), 6U);
  EXPECT_EQ(first_group(settings, 1), 1U);
  EXPECT_EQ(why({4, 0}), "");
  EXPECT_EQ(why({5, 0}), "waits: rollout, first 10 % of the devices (5)");
}

TEST_F(RolloutTest, WhoBeganGoesOnAndWhoIsForcedOrAssignedNeedsNoPlace) {
  Delivery delivery;
  delivery.state = DeliveryState::waiting;
  EXPECT_NE(why({2, 0}, &delivery), "");
  EXPECT_EQ(why({2, 0}, &delivery, true), "");
  delivery.forced = true;
  EXPECT_EQ(why({2, 0}, &delivery), "");
  delivery.forced = false;
  delivery.state = DeliveryState::transferred;
  EXPECT_EQ(why({2, 0}, &delivery), "");
}

TEST_F(RolloutTest, FailuresStopARelease) {
  EXPECT_TRUE(fail_one().events.empty());
  EXPECT_TRUE(fail_one().events.empty());
  restart();
  const auto third = fail_one();
  ASSERT_EQ(third.events.size(), 1U);
  EXPECT_EQ(third.events[0].kind, "stopped");
  EXPECT_TRUE(fail_one().events.empty()) << "told once";
  restart();
  Delivery forced;
  forced.forced = true;
  EXPECT_EQ(why({0, 0}, &forced, true), "stopped: 3 failures") << "for all";
  const auto lifted = rollouts.lift("meter", "1.1", now());
  ASSERT_TRUE(lifted);
  EXPECT_EQ(lifted->rollout.failures, 0U);
  EXPECT_FALSE(rollouts.lift("meter", "1.1", now()));
  EXPECT_EQ(why({0, 0}), "");
}

TEST_F(RolloutTest, NoFailureStopsAReleaseWhoseBreakerIsOff) {
  settings.stop_after = 0;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(fail_one().events.empty());
  EXPECT_FALSE(rollouts.stopped("meter", "1.1"));
}

TEST_F(RolloutTest, SaysHowItGoes) {
  EXPECT_EQ(rollouts.describe(settings, "1.1", {0, 0}, devices), "");
  EXPECT_EQ(rollouts.describe(settings, "1.1", {2, 1}, devices), "first 2 devices: 1 is done");
  for (int i = 0; i < 3; ++i) (void)fail_one();
  EXPECT_EQ(rollouts.describe(settings, "1.1", {2, 1}, devices), "stopped: 3 failures");
}

}  // namespace
}  // namespace ferry::delivery
