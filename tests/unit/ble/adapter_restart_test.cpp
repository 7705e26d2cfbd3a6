#include "transports/ble/adapter_restart.hpp"

#include <gtest/gtest.h>

namespace ferry::ble {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const TimePoint start = TimePoint() + hours(1);

// How many connections have to fail until it is due.
int failures_until_due(AdapterRestart& restart, TimePoint now) {
  for (int failures = 0; failures < 100; ++failures) {
    if (restart.due(now)) return failures;
    restart.failed();
  }
  return -1;
}

TEST(AdapterRestart, TakesSeveralFailuresInARow) {
  AdapterRestart restart;
  EXPECT_EQ(failures_until_due(restart, start), 4);
  EXPECT_TRUE(restart.is_first());
  EXPECT_FALSE(restart.due(start));
}

TEST(AdapterRestart, AConnectionThatComesUpBreaksTheRow) {
  AdapterRestart restart;
  for (int i = 0; i < 3; ++i) restart.failed();
  restart.came_up();
  restart.failed();
  EXPECT_FALSE(restart.due(start));
  EXPECT_EQ(failures_until_due(restart, start), 3);
}

TEST(AdapterRestart, ComesFurtherAndFurtherApart) {
  AdapterRestart restart;
  TimePoint now = start;
  ASSERT_EQ(failures_until_due(restart, now), 4);
  for (const minutes pause : {minutes(5), minutes(10), minutes(20)}) {
    EXPECT_EQ(failures_until_due(restart, now + pause - std::chrono::seconds(1)), -1);
    now += pause;
    EXPECT_TRUE(restart.due(now));
    EXPECT_FALSE(restart.is_first());
  }
}

TEST(AdapterRestart, EndsUntilAConnectionComesUp) {
  AdapterRestart restart;
  for (int day = 0; day < 4; ++day) {
    ASSERT_EQ(failures_until_due(restart, start + hours(24 * day)), 4);
  }
  EXPECT_EQ(failures_until_due(restart, start + hours(24 * 365)), -1);
  restart.came_up();
  EXPECT_EQ(failures_until_due(restart, start + hours(24 * 366)), 4);
  EXPECT_TRUE(restart.is_first());
}

}  // namespace
}  // namespace ferry::ble
