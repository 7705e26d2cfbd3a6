#include "agent/control/broadcast.hpp"

#include <gtest/gtest.h>

namespace ferry::control {
namespace {

using formats::Json;

class FixedClock final : public Clock {
 public:
  Time now() const override { return from_unix_ms(0); }
  std::chrono::steady_clock::time_point steady() const override { return {}; }
};

class BroadcastTest : public testing::Test {
 protected:
  std::shared_ptr<Watcher> join() {
    return broadcast.join([this] { ++woken; });
  }
  static std::vector<Json> taken(Watcher& watcher) {
    std::vector<Json> events;
    for (const auto& line : watcher.lines) events.push_back(Json::parse(*line));
    watcher.lines.clear();
    watcher.bytes = 0;
    return events;
  }

  FixedClock clock;
  Broadcast broadcast{1000, clock};
  int woken = 0;
};

TEST_F(BroadcastTest, AnEventReachesEveryWatcherAtOnce) {
  const auto one = join();
  const auto two = join();
  broadcast.event("source", "cloud", {{"state", "idle"}});
  EXPECT_EQ(woken, 2);
  for (const auto& watcher : {one, two}) {
    const auto events = taken(*watcher);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0],
              Json::parse(R"({"event":"source","id":"cloud","time":"1970-01-01T00:00:00Z",
        "value":{"state":"idle"}})"));
  }
}

TEST_F(BroadcastTest, NobodyWatchingCostsNothing) {
  EXPECT_FALSE(broadcast.progress("delivery", "1", 1));
  broadcast.event("delivery", "1", 2);
  const auto watcher = join();
  broadcast.flush();
  EXPECT_TRUE(watcher->lines.empty());
}

TEST_F(BroadcastTest, ProgressKeepsTheLatestOfEachObject) {
  const auto watcher = join();
  EXPECT_TRUE(broadcast.progress("delivery", "1", 1));
  EXPECT_FALSE(broadcast.progress("delivery", "1", 2));
  EXPECT_FALSE(broadcast.progress("delivery", "2", 3));
  EXPECT_TRUE(watcher->lines.empty());
  broadcast.flush();
  const auto events = taken(*watcher);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0]["value"], 2);
  EXPECT_EQ(events[1]["value"], 3);
  EXPECT_TRUE(broadcast.progress("delivery", "1", 4)) << "the timer has to be set again";
}

TEST_F(BroadcastTest, AnEventTakesThePlaceOfWaitingProgress) {
  const auto watcher = join();
  broadcast.progress("delivery", "1", "half");
  broadcast.event("delivery", "1", "whole");
  broadcast.flush();
  const auto events = taken(*watcher);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["value"], "whole");
}

TEST_F(BroadcastTest, WaitingProgressIsBounded) {
  Broadcast wide(1U << 20U, clock);
  const auto watcher = wide.join([] {});
  for (int i = 0; i < 5000; ++i) wide.progress("delivery", std::to_string(i), i);
  wide.progress("delivery", "7", "known ones are still updated");
  wide.flush();
  const auto events = taken(*watcher);
  EXPECT_EQ(events.size(), 1000U);
  EXPECT_TRUE(std::any_of(events.begin(), events.end(),
                          [](const Json& event) { return event["value"].is_string(); }));
}

TEST_F(BroadcastTest, AWatcherThatLagsIsDroppedAlone) {
  const auto slow = join();
  const auto quick = join();
  for (int i = 0; i < 100; ++i) {
    broadcast.event("event", std::to_string(i), {});
    ASSERT_EQ(taken(*quick).size(), 1U);
  }
  EXPECT_TRUE(slow->dropped);
  EXPECT_TRUE(slow->lines.empty()) << "its memory is given back";
  EXPECT_FALSE(quick->dropped);
}

TEST_F(BroadcastTest, WhoLeftGetsNothing) {
  const auto watcher = join();
  broadcast.leave(watcher);
  EXPECT_EQ(broadcast.size(), 0U);
  broadcast.event("event", "1", {});
  EXPECT_TRUE(watcher->lines.empty());
}

TEST_F(BroadcastTest, TextThatIsNotUtf8IsNoError) {
  const auto watcher = join();
  broadcast.event("device", "\xff", {{"version", "\xfe"}});
  EXPECT_EQ(taken(*watcher).size(), 1U);
}

}  // namespace
}  // namespace ferry::control
