#include "agent/delivery/book.hpp"

#include <gtest/gtest.h>

namespace ferry::delivery {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using S = DeliveryState;

// 2026; the steady clock began elsewhere.
const Time today{Duration(1795000000000)};
Moment moment(Duration after = Duration(0)) {
  return {today + after, Steady(hours(100)) + after};
}

Delivery row(std::uint64_t id, S state, const std::string& version = "1.1") {
  Delivery made;
  made.id = id;
  made.device = "m1";
  made.product = "meter";
  made.version = version;
  made.mode = DeliveryMode::push;
  made.state = state;
  made.updated = today;
  return made;
}

// What each state becomes when the agent was started again: no transport has anything in hand.
TEST(Book, EveryStateSurvivesARestart) {
  const std::vector<std::pair<S, S>> expected = {
      {S::waiting, S::waiting},         {S::scheduled, S::waiting},
      {S::transferring, S::waiting},    {S::transferred, S::transferred},
      {S::activated, S::activated},     {S::confirming, S::activated},
      {S::installed, S::installed},     {S::failed, S::failed},
      {S::rolled_back, S::rolled_back}, {S::cancelled, S::cancelled},
      {S::unknown, S::unknown}};
  ASSERT_EQ(expected.size(), storage::delivery_states);
  for (const auto& [before, after] : expected) {
    Book book({row(1, before)}, moment());
    ASSERT_NE(book.find(1), nullptr);
    EXPECT_EQ(book.find(1)->delivery.state, after) << to_string(before);
    Delivery pulled = row(1, before);
    pulled.mode = DeliveryMode::pull;
    EXPECT_EQ(Book({pulled}, moment()).find(1)->delivery.state, before) << "the device goes on";
  }
}

TEST(Book, APauseGoesOnAfterARestartAndEndsWhateverTheClockDid) {
  Delivery waiting = row(1, S::waiting);
  waiting.not_before = today + minutes(5);
  EXPECT_EQ(Book({waiting}, moment()).find(1)->retry_at, moment().steady + minutes(5));
  waiting.not_before = today + hours(9000);  // the clock was ahead then
  EXPECT_EQ(Book({waiting}, moment()).find(1)->retry_at, moment().steady + hours(1));
  waiting.not_before = from_unix_ms(60'000);  // it was in 1970 then
  EXPECT_LE(Book({waiting}, moment()).find(1)->retry_at, moment().steady);
}

TEST(Book, TimeInAStateCountsOnAfterARestartUnlessTheClockWasSetMeanwhile) {
  Delivery tried = row(1, S::activated);
  EXPECT_EQ(Book({tried}, moment(minutes(7))).find(1)->since, moment().steady);
  tried.updated = from_unix_ms(60'000);
  EXPECT_EQ(Book({tried}, moment()).find(1)->since, moment().steady);
  tried.updated = today + hours(2);
  EXPECT_EQ(Book({tried}, moment()).find(1)->since, moment().steady);
}

TEST(Book, CountsWhoHasComeHowFar) {
  Book book({row(1, S::waiting), row(2, S::installed, "1.0")}, moment());
  EXPECT_EQ(book.tally("meter", "1.1").begun, 0U);
  EXPECT_EQ(book.tally("meter", "1.0").ended, 1U);
  (void)book.apply(*book.find(1), Trigger::begin, moment());
  EXPECT_EQ(book.tally("meter", "1.1").begun, 1U);
  (void)book.apply(*book.find(1), Trigger::lose, moment());
  EXPECT_EQ(book.tally("meter", "1.1").begun, 0U) << "one that went away gives its place back";
  (void)book.apply(*book.find(1), Trigger::complete, moment());
  (void)book.apply(*book.find(1), Trigger::give_up, moment());
  EXPECT_EQ(book.tally("meter", "1.1").begun, 1U);
  EXPECT_EQ(book.tally("meter", "1.1").ended, 1U);
  (void)book.apply(*book.find(1), Trigger::again, moment());
  EXPECT_EQ(book.tally("meter", "1.1").ended, 0U);
}

TEST(Book, RemembersTheLastOnesThatEndedAndAllThatAreOpen) {
  std::vector<Delivery> rows;
  for (std::uint64_t id = 1; id <= 100; ++id) rows.push_back(row(id, S::installed));
  rows.push_back(row(101, S::transferred));
  Book book(rows, moment());
  EXPECT_LE(book.known().size(), 9U);
  EXPECT_NE(book.find(100), nullptr);
  EXPECT_NE(book.find(101), nullptr);
  EXPECT_EQ(book.find(1), nullptr);
  EXPECT_EQ(book.open_count(), 1U);
  EXPECT_EQ(book.tally("meter", "1.1").ended, 100U) << "forgotten, but counted";
}

TEST(Book, KeepsHowFarAnEarlierRunHadBroughtIt) {
  Delivery waiting = row(1, S::waiting);
  waiting.bytes_done = 1200;
  Book book({waiting}, moment());
  const Sha256 first = Sha256::of(as_bytes("first"));
  const Sha256 second = Sha256::of(as_bytes("second"));
  Book::set_pieces(*book.find(1), {{first, 1000}, {second, 900}});
  EXPECT_EQ(book.find(1)->pieces[first].acknowledged, 1000U);
  EXPECT_EQ(book.find(1)->pieces[second].acknowledged, 200U);
  EXPECT_EQ(book.find(1)->delivery.bytes_total, 1900U);
}

TEST(Book, AnEventTellsWhatEndedAndWhy) {
  Delivery delivery = row(1, S::failed);
  delivery.cause = "refused_size";
  delivery.detail = "slot too small";
  const std::string detail = event_of("failed", delivery, true, today).detail;
  for (const char* part : {"\"device\":\"m1\"", "\"cause\":\"refused_size\"", "slot too small",
                           "\"version\":\"1.1\"", "\"proven\":true"}) {
    EXPECT_NE(detail.find(part), std::string::npos) << part << " in " << detail;
  }
}

TEST(Book, CountsWhatBecomesOfDeliveries) {
  Book book({row(1, S::waiting)}, moment());
  EXPECT_TRUE(book.counts().told.empty()) << "what was before is not counted again";
  Entry& entry = *book.find(1);
  book.apply(entry, Trigger::begin, moment());
  book.apply(entry, Trigger::arrive, moment());
  book.apply(entry, Trigger::lose, moment());
  book.apply(entry, Trigger::begin, moment());
  book.apply(entry, Trigger::fail_once, moment());
  EXPECT_EQ(book.counts().losses, 1U);
  EXPECT_EQ(book.counts().retries, 1U);
  book.apply(entry, Trigger::give_up, moment());
  EXPECT_FALSE(book.apply(entry, Trigger::give_up, moment())) << "it has no place there";
  EXPECT_EQ(book.counts().told.at("failed"), 1U);
  book.apply(entry, Trigger::again, moment());
  EXPECT_EQ(book.counts().retries, 2U);
}

}  // namespace
}  // namespace ferry::delivery
