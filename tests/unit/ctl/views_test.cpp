#include "ctl/views.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ferry::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

const Time now = from_unix_ms(1'577'934'245'000);  // 2020-01-02T03:04:05Z

TEST(Views, NothingThereIsSaidInWords) {
  const Json none = Json::array();
  EXPECT_EQ(sources_view(none, now), "No sources are configured.\n");
  EXPECT_EQ(releases_view(none, now), "No releases are here yet.\n");
  EXPECT_EQ(devices_view(none, now), "No devices were seen yet.\n");
  EXPECT_EQ(deliveries_view(none, now), "There were no deliveries yet.\n");
  EXPECT_EQ(wakes_view(none, now), "No devices are woken; see [wake.NAME] in ferry.ini.\n");
}

TEST(Views, AStoreInTroubleStandsOut) {
  const Json status = Json::parse(R"({"store":{"bytes":0,"quota":1024,"packs":2,"quarantined":1,
      "writable":false,"error":"No space left on device"}})");
  EXPECT_THAT(status_view(status, now),
              HasSubstr("2 packs, 1 in quarantine, NOT WRITABLE: No space left on device\n"));
}

TEST(Views, WhatIsCountedIsReadAtAGlance) {
  const Json status = Json::parse(R"({"counters":{"devices":3,"requests":120,"refusals":2,
      "bytes_fetched":1048576,"bytes_delivered":2097152,"bytes_written":3145728,
      "deliveries":{"installed":4,"failed":0,"delivered":5},"delivery_retries":1,"later":7}})");
  const std::string text = status_view(status, now);
  EXPECT_THAT(text, HasSubstr("counted   3 devices, 7 later\n")) << "what is not known yet, too";
  EXPECT_THAT(text, HasSubstr("traffic   1.0 MiB fetched, 2.0 MiB delivered, 3.0 MiB written to "
                              "disk; 120 requests, 2 refused\n"));
  EXPECT_THAT(text, HasSubstr("outcomes  5 delivered, 4 installed; 1 retries\n"));
}

TEST(Views, ASourceShowsWhenAndWhatItFetches) {
  const Json sources = Json::parse(R"([{"name":"cloud","state":"fetching","runs":1,
      "last_success":"2020-01-02T03:01:05Z","next_attempt":"2020-01-02T03:14:05Z",
      "fetching":{"release":"pump 1.2","artifact":"a.bin","bytes_done":512,"bytes_total":1024}}])");
  const std::string text = sources_view(sources, now);
  EXPECT_THAT(text, HasSubstr("3 min ago"));
  EXPECT_THAT(text, HasSubstr("in 10 min"));
  EXPECT_THAT(text, HasSubstr("pump 1.2 a.bin, 512 B of 1.0 KiB, 50%"));
}

TEST(Views, ASourceShowsWhatWaitsToBeReported) {
  const Json sources = Json::parse(R"([
      {"name":"a","last_error":"no answer","reports":{"waiting":2,"oldest":"2020-01-02T01:04:05Z"}},
      {"name":"b","reports":{"waiting":1,"oldest":null}},
      {"name":"c","reports":{"waiting":0,"oldest":null}},{"name":"d","reports":null}])");
  const std::string text = sources_view(sources, now);
  EXPECT_THAT(text, HasSubstr("no answer; 2 reports wait, the oldest from 2 h ago\n"));
  EXPECT_THAT(text, HasSubstr("1 report waits\n"));
  EXPECT_THAT(text, Not(HasSubstr("0 report")));
}

TEST(Views, AnIncompleteReleaseSaysSo) {
  EXPECT_THAT(releases_view(Json::parse(R"([{"product":"p","complete":false}])"), now),
              HasSubstr("incomplete"));
}

TEST(Views, WhatADeviceClaimsIsMarked) {
  EXPECT_THAT(devices_view(Json::parse(R"([{"id":"a","proven":false}])"), now),
              HasSubstr("claimed"));
  EXPECT_THAT(devices_view(Json::parse(R"([{"id":"a","proven":true}])"), now),
              Not(HasSubstr("claimed")));
}

TEST(Views, ADeviceShowsWhatItTellsOfItsBatteryAndSignal) {
  const std::string told = device_view(Json::parse(R"({"id":"a","battery":85,"signal":-71})"), now);
  EXPECT_THAT(told, HasSubstr("85 %\n"));
  EXPECT_THAT(told, HasSubstr("-71 dBm\n"));
  const std::string silent =
      device_view(Json::parse(R"({"id":"a","battery":null,"signal":null})"), now);
  EXPECT_THAT(silent, Not(HasSubstr("battery")));
  EXPECT_THAT(silent, Not(HasSubstr("signal")));
}

TEST(Views, ADeliveryThatEndedShowsNoShare) {
  const Json device = Json::parse(R"({"id":"a","delivery":{"version":"2","state":"installed",
      "bytes_done":5,"bytes_total":10}})");
  EXPECT_THAT(device_view(device, now), HasSubstr("delivery  2 installed\n"));
}

TEST(Views, ADeliveryThatWaitsSaysForWhatAndWhatWentWrong) {
  const Json delivery = Json::parse(R"json({"id":3,"state":"waiting","attempts":2,"cause":"busy",
      "detail":"slot in use","waits":"waits: retry in 40s (attempt 3 of 5)"})json");
  const char* const text = "waits: retry in 40s (attempt 3 of 5); busy: slot in use\n";
  EXPECT_THAT(deliveries_view(Json::array({delivery}), now), HasSubstr(text));
  EXPECT_THAT(delivery_view(delivery, now), HasSubstr(std::string("detail    ") + text));
}

TEST(Views, WhoIsWokenShowsWhenLastAndWhenNext) {
  const Json wake = Json::parse(R"json({"wake":"lora","product":"meter","device":"7",
      "name":"70b3d57ed0008cd6","version":"2.0","attempts":2,"last":"2020-01-02T03:01:05Z",
      "next":"2020-01-02T03:14:05Z","waits":"waits: the device to show itself"})json");
  const std::string text = wakes_view(Json::array({wake}), now);
  EXPECT_THAT(text, HasSubstr("3 min ago"));
  EXPECT_THAT(text, HasSubstr("in 10 min"));
  EXPECT_THAT(text, HasSubstr("waits: the device to show itself\n"));
  const Json section = Json::parse(R"({"name":"lora","product":"meter","template":"ttn",
      "devices":12,"awaited":3,"last":"2020-01-02T03:01:05Z","last_device":"7","next":null})");
  const std::string status = status_view(Json{{"wakes", Json::array({section})}}, now);
  EXPECT_THAT(status, HasSubstr("3 min ago 7"));
  EXPECT_THAT(status, HasSubstr("AWAITED"));
}

TEST(Views, AStoppedReleaseSaysSo) {
  const Json release = Json::parse(R"({"product":"p","complete":true,"stopped":true,
      "rollout":"stopped: 3 failures"})");
  EXPECT_THAT(releases_view(Json::array({release}), now), HasSubstr("stopped: 3 failures\n"));
}

TEST(Views, OddShapesDoNoHarm) {
  for (const char* text :
       {"null", "7", "\"x\"", "[1,[2],null]", "[{\"id\":{},\"delivery\":7}]",
        "{\"wakes\":[{\"name\":7},8]}", "{\"store\":[],\"sources\":3,\"counters\":[1]}",
        "{\"counters\":{\"requests\":\"x\",\"deliveries\":[{}]}}"}) {
    const Json odd = Json::parse(text);
    for (const auto view : {&status_view, &sources_view, &releases_view, &devices_view,
                            &deliveries_view, &wakes_view, &device_view}) {
      view(odd, now);
    }
  }
}

}  // namespace
}  // namespace ferry::ctl
