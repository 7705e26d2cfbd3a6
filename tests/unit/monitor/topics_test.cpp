#include "agent/monitor/topics.hpp"

#include <gtest/gtest.h>

#include "formats/json.hpp"

namespace ferry::monitor {
namespace {

TEST(TopicPart, LeavesOrdinaryIdsAlone) {
  EXPECT_EQ(topic_part("AA:bb-0.1_x@y~"), "AA:bb-0.1_x@y~");
}

TEST(TopicPart, LetsNothingOutOfItsLevel) {
  EXPECT_EQ(topic_part("a/../b"), "a%2F..%2Fb");
  EXPECT_EQ(topic_part("#+$"), "%23%2B%24");
  EXPECT_EQ(topic_part(std::string_view("a\0b", 3)), "a%00b");
  EXPECT_EQ(topic_part("\xff"), "%FF");
}

TEST(TopicPart, KeepsDifferentIdsApart) {
  EXPECT_NE(topic_part("a/b"), topic_part("a%2Fb"));
  const std::string common(300, 'x');
  EXPECT_NE(topic_part(common + "1"), topic_part(common + "2"));
  EXPECT_NE(topic_part(common), topic_part(topic_part(common)));
}

TEST(TopicPart, IsBounded) {
  EXPECT_LE(topic_part(std::string(100'000, '/')).size(), 220U);
}

TEST(TopicRoot, TakesTheGatewayAsOneLevel) {
  EXPECT_EQ(topic_root("fleet/north", "van 1"), "fleet/north/van%201/");
}

storage::Event event(std::string detail) {
  storage::Event event;
  event.sequence = 7;
  event.at = from_unix_ms(1'577'934'245'000);
  event.kind = "fetched";
  event.detail = std::move(detail);
  return event;
}

TEST(EventPayload, CarriesTheTimeOfOrigin) {
  EXPECT_EQ(
      event_payload(event(R"({"bytes":5})")),
      R"({"detail":{"bytes":5},"kind":"fetched","sequence":7,"time":"2020-01-02T03:04:05Z"})");
}

TEST(EventPayload, SurvivesADetailThatIsNoJson) {
  const auto payload = formats::Json::parse(event_payload(event("torn {\xff")));
  EXPECT_TRUE(payload["detail"].is_string());
}

}  // namespace
}  // namespace ferry::monitor
