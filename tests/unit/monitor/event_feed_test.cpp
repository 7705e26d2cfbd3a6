#include "agent/monitor/event_feed.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace ferry::monitor {
namespace {

class EventFeedTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "event_feed.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    storage::StoreOptions options;
    options.folder = folder;
    auto opened = storage::Store::open(options, clock);
    ASSERT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
  }
  void TearDown() override {
    store.reset();
    std::filesystem::remove_all(folder);
  }

  storage::Outbox& outbox() { return store->outbox(); }
  void append(int count) {
    std::vector<storage::Event> events(static_cast<std::size_t>(count));
    for (auto& event : events) {
      event.kind = "fetched";
      event.detail = "{}";
    }
    ASSERT_TRUE(outbox().append(events));
  }
  static std::vector<std::uint64_t> taken(EventFeed& feed) {
    std::vector<std::uint64_t> sequences;
    for (;;) {
      const auto event = feed.next();
      if (!event || !*event) return sequences;
      sequences.push_back((*event)->sequence);
    }
  }

  SystemClock clock;
  std::filesystem::path folder;
  std::unique_ptr<storage::Store> store;
};

TEST_F(EventFeedTest, GivesEveryEventOnceAndInOrderAcrossBatches) {
  append(250);
  EventFeed feed(outbox());
  const auto sequences = taken(feed);
  ASSERT_EQ(sequences.size(), 250U);
  for (std::size_t i = 1; i < sequences.size(); ++i) EXPECT_EQ(sequences[i], sequences[i - 1] + 1);
}

TEST_F(EventFeedTest, AWholeBatchIsNotMistakenForTheEnd) {
  append(static_cast<int>(EventFeed::batch));
  EventFeed feed(outbox());
  EXPECT_EQ(taken(feed).size(), EventFeed::batch);
  append(1);
  feed.refill();
  EXPECT_EQ(taken(feed).size(), 1U);
}

TEST_F(EventFeedTest, LooksAgainOnlyWhenTold) {
  EventFeed feed(outbox());
  EXPECT_TRUE(taken(feed).empty());
  append(2);
  EXPECT_TRUE(taken(feed).empty());
  feed.refill();
  EXPECT_EQ(taken(feed).size(), 2U);
}

TEST_F(EventFeedTest, ANewConnectionGetsWhatWasNotAcknowledged) {
  append(5);
  EventFeed feed(outbox());
  const auto sequences = taken(feed);
  ASSERT_EQ(sequences.size(), 5U);
  ASSERT_TRUE(outbox().acknowledge({sequences[0]}));
  ASSERT_TRUE(outbox().acknowledge({sequences[2]}));
  feed.rewind();
  EXPECT_EQ(taken(feed), (std::vector{sequences[1], sequences[3], sequences[4]}));
}

}  // namespace
}  // namespace ferry::monitor
