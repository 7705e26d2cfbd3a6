#include "ctl/event_line.hpp"

#include <gtest/gtest.h>

namespace ferry::ctl {
namespace {

using formats::Json;

EventLine of(const char* text) {
  return event_line(Json::parse(text));
}

TEST(EventLine, ASourceThatFetchesIsATransfer) {
  const EventLine line =
      of(R"({"event":"source","id":"cloud","value":{"state":"fetching","fetching":
      {"release":"pump 1.2","artifact":"a.bin","bytes_done":5,"bytes_total":10}}})");
  EXPECT_EQ(line.subject, "source cloud");
  EXPECT_EQ(line.text, "fetching pump 1.2 a.bin");
  EXPECT_TRUE(line.transfer);
  EXPECT_EQ(line.bytes_done, 5U);
  EXPECT_EQ(line.bytes_total, 10U);
}

TEST(EventLine, ASourceThatFailedSaysWhy) {
  const EventLine line = of(
      R"({"event":"source","id":"cloud","value":{"state":"failed","last_error":"no route","fetching":null}})");
  EXPECT_EQ(line.text, "failed: no route");
  EXPECT_FALSE(line.transfer);
}

TEST(EventLine, ADeliveryThatEndedIsNoTransfer) {
  const EventLine line = of(
      R"({"event":"delivery","id":"3","value":{"product":"pump","version":"1.2","device":"p7",
      "transport":"wifi","state":"failed","detail":"reset","bytes_done":5,"bytes_total":10}})");
  EXPECT_EQ(line.text, "pump 1.2 to p7 by wifi failed: reset");
  EXPECT_FALSE(line.transfer);
}

TEST(EventLine, OthersInShort) {
  EXPECT_EQ(
      of(R"({"event":"transport","id":"wifi","value":{"state":"failed","detail":"port 80"}})").text,
      "failed: port 80");
  EXPECT_EQ(of(R"({"event":"release","id":"pump 1.2","value":{"complete":true,"size":2048}})").text,
            "complete, 2.0 KiB");
  EXPECT_EQ(of(R"({"event":"device","id":"p7","value":{"product":"pump","version":"1.1",
      "transport":"wifi","address":"10.0.0.7"}})")
                .text,
            "pump 1.1 by wifi at 10.0.0.7");
  EXPECT_EQ(
      of(R"({"event":"event","id":"9","value":{"kind":"fetched","detail":{"bytes":7,"name":"a"}}})")
          .text,
      "fetched: bytes 7, name a");
}

TEST(EventLine, ADeviceShowsItsDelivery) {
  const EventLine moving =
      of(R"({"event":"device","id":"p7","value":{"product":"pump","version":"1.1",
      "transport":"wifi","address":"10.0.0.7","delivery":{"version":"1.2","state":"transferring",
      "bytes_done":5,"bytes_total":10}}})");
  EXPECT_EQ(moving.text, "pump 1.1 by wifi at 10.0.0.7, 1.2 transferring");
  EXPECT_TRUE(moving.transfer);
  const EventLine over =
      of(R"({"event":"device","id":"p7","value":{"product":"pump","version":"1.2",
      "transport":"wifi","address":"10.0.0.7","delivery":{"version":"1.2","state":"installed",
      "bytes_done":10,"bytes_total":10}}})");
  EXPECT_EQ(over.text, "pump 1.2 by wifi at 10.0.0.7, 1.2 installed");
  EXPECT_FALSE(over.transfer);
}

TEST(EventLine, AllOfAKindAtOnce) {
  const EventLine transports = of(R"({"event":"transport","id":"","value":[
      {"name":"wifi","state":"listening","detail":"10.0.0.1:80"},{"name":"tty","state":"starting"}]})");
  EXPECT_EQ(transports.subject, "transports");
  EXPECT_EQ(transports.text, "wifi listening: 10.0.0.1:80, tty starting");
  const EventLine releases = of(R"({"event":"release","id":"","value":[{},{}]})");
  EXPECT_EQ(releases.subject + " " + releases.text, "releases 2 held");
}

TEST(EventLine, AnUnknownKindOrShapeDoesNoHarm) {
  EXPECT_EQ(of(R"({"event":"weather","id":"x","value":{}})").subject, "weather x");
  EXPECT_EQ(of(R"({"event":"source","id":7,"value":[1,2]})").text, "");
  EXPECT_EQ(of("[]").subject, "s");
}

TEST(EventLine, ControlCharactersAreReplaced) {
  const EventLine line = of(R"({"event":"transport","id":"a\u001bb","value":{"state":"x\ny"}})");
  EXPECT_EQ(line.subject, "transport a?b");
  EXPECT_EQ(line.text, "x?y");
}

}  // namespace
}  // namespace ferry::ctl
