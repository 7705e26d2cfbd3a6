#include "transports/host/progress.hpp"

#include <gtest/gtest.h>

namespace ferry::host {
namespace {

using formats::link::Progress;
using namespace std::chrono_literals;

constexpr std::uint64_t size = 1000;

class ProgressTest : public testing::Test {
 protected:
  std::optional<Progress> add(std::uint64_t offset, std::uint64_t length,
                              const std::string& device = "meter-1") {
    Progress progress;
    progress.device = {device, "meter", "1.0.1", "", false};
    progress.offset = offset;
    progress.length = length;
    return limiter_.add(progress, size, now_);
  }

  ProgressLimiter limiter_;
  ProgressLimiter::Instant now_{};
};

TEST_F(ProgressTest, TheFirstIsTold) {
  EXPECT_TRUE(add(0, 10));
}

TEST_F(ProgressTest, WithinASecondNothingMoreIsTold) {
  add(0, 10);
  now_ += 999ms;
  EXPECT_FALSE(add(10, 10));
}

TEST_F(ProgressTest, AfterASecondWhatWasHeldBackIsToldAsOne) {
  add(0, 10);
  EXPECT_FALSE(add(10, 10));
  EXPECT_FALSE(add(20, 10));
  now_ += 1s;
  const auto told = add(30, 10);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->offset, 10U);
  EXPECT_EQ(told->length, 30U);
}

TEST_F(ProgressTest, OfSeparateRangesTheLaterCounts) {
  add(0, 10);
  add(100, 10);
  add(500, 10);
  now_ += 1s;
  const auto due = limiter_.due(now_);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].offset, 500U);
}

TEST_F(ProgressTest, TheEndIsToldAtOnce) {
  add(0, 10);
  const auto told = add(10, size - 10);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->offset + told->length, size);
}

TEST_F(ProgressTest, ADeviceThatFallsSilentIsToldWhenTheSecondIsOver) {
  add(0, 10);
  add(10, 10);
  EXPECT_EQ(limiter_.next(), now_ + 1s);
  EXPECT_TRUE(limiter_.due(now_ + 999ms).empty());
  const auto due = limiter_.due(now_ + 1s);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].offset, 10U);
}

TEST_F(ProgressTest, WhoIsQuietIsForgotten) {
  add(0, 10);
  EXPECT_TRUE(limiter_.due(now_ + 1s).empty());
  EXPECT_FALSE(limiter_.next());
}

TEST_F(ProgressTest, DevicesDoNotShareTheirSecond) {
  EXPECT_TRUE(add(0, 10, "meter-1"));
  EXPECT_TRUE(add(0, 10, "meter-2"));
  EXPECT_FALSE(add(10, 10, "meter-1"));
}

TEST_F(ProgressTest, MoreDevicesThanItFollowsAreToldAlways) {
  for (std::size_t i = 0; i < ProgressLimiter::most; ++i) add(0, 10, std::to_string(i));
  EXPECT_TRUE(add(0, 10, "one more"));
  EXPECT_TRUE(add(10, 10, "one more"));
}

}  // namespace
}  // namespace ferry::host
