#include "ctl/rate.hpp"

#include <gtest/gtest.h>

namespace ferry::ctl {
namespace {

using namespace std::chrono_literals;

const RateEstimator::Moment first_look{};

TEST(RateEstimator, SaysNothingBeforeItKnows) {
  RateEstimator rate;
  EXPECT_EQ(rate.rate(), std::nullopt);
  rate.add(first_look, 1000);
  rate.add(first_look + 400ms, 2000);
  EXPECT_EQ(rate.rate(), std::nullopt);
  EXPECT_EQ(rate.time_left(5000), std::nullopt);
}

TEST(RateEstimator, CountsOnlyWhatItSaw) {
  RateEstimator rate;
  rate.add(first_look, 1'000'000);  // there already, from before
  rate.add(first_look + 1s, 1'000'100);
  rate.add(first_look + 2s, 1'000'200);
  EXPECT_DOUBLE_EQ(rate.rate().value(), 100);
  EXPECT_EQ(rate.time_left(1'001'200), Duration(10s));
}

TEST(RateEstimator, FollowsTheLastSeconds) {
  RateEstimator rate;
  std::uint64_t done = 0;
  for (int second = 0; second <= 60; ++second) rate.add(first_look + second * 1s, done += 1000);
  for (int second = 61; second <= 80; ++second) rate.add(first_look + second * 1s, done += 10);
  EXPECT_DOUBLE_EQ(rate.rate().value(), 10);
}

TEST(RateEstimator, AStallBringsItToZeroAndLeavesNoTime) {
  RateEstimator rate;
  rate.add(first_look, 0);
  rate.add(first_look + 1s, 1000);
  for (int second = 2; second <= 12; ++second) rate.add(first_look + second * 1s, 1000);
  EXPECT_DOUBLE_EQ(rate.rate().value(), 0);
  EXPECT_EQ(rate.time_left(2000), std::nullopt);
}

TEST(RateEstimator, BeginsAfreshWhenBytesGoBack) {
  RateEstimator rate;
  rate.add(first_look, 5000);
  rate.add(first_look + 1s, 6000);
  rate.add(first_look + 2s, 0);
  EXPECT_EQ(rate.rate(), std::nullopt);
  rate.add(first_look + 3s, 10);
  EXPECT_DOUBLE_EQ(rate.rate().value(), 10);
}

TEST(RateEstimator, NothingIsLeftWhenMoreCameThanExpected) {
  RateEstimator rate;
  rate.add(first_look, 0);
  rate.add(first_look + 1s, 1000);
  EXPECT_EQ(rate.time_left(500), Duration(0));
}

}  // namespace
}  // namespace ferry::ctl
