#include "agent/wake/message.hpp"

#include <gtest/gtest.h>

#include "formats/json.hpp"

namespace ferry::wake {
namespace {

using config::WakeSettings;
using config::WakeTemplate;
using formats::Json;

WakeSettings settings_of(WakeTemplate wake_template) {
  WakeSettings settings;
  settings.wake_template = wake_template;
  settings.application = "meters";
  settings.url = "http://10.1.0.1:8000/door/";
  return settings;
}

const Image image{"2.0", "firmware_2.0.bin", std::string(32, 'a')};

TEST(WakeMessage, ForChirpStack) {
  const auto made = message_for(settings_of(WakeTemplate::chirpstack), "70b3d57ed0008cd6", image);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->topic, "application/meters/device/70b3d57ed0008cd6/command/down");
  EXPECT_EQ(
      Json::parse(made->payload),
      Json::parse(R"({"devEui":"70b3d57ed0008cd6","confirmed":false,"fPort":2,"data":"AQID"})"));
}

TEST(WakeMessage, ForTheThingsStack) {
  WakeSettings settings = settings_of(WakeTemplate::ttn);
  settings.port = 10;
  settings.payload = std::string("\xFF\0", 2);
  const auto made = message_for(settings, "eui-70b3", image);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->topic, "v3/meters@ttn/devices/eui-70b3/down/push");
  EXPECT_EQ(
      Json::parse(made->payload),
      Json::parse(R"({"downlinks":[{"f_port":10,"frm_payload":"/wA=","priority":"NORMAL"}]})"));
}

TEST(WakeMessage, OfUrlAndMd5) {
  const auto made = message_for(settings_of(WakeTemplate::url_md5), "door-10", image);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->topic, "door-10/ota");
  EXPECT_EQ(made->payload,
            "http://10.1.0.1:8000/door/2.0/firmware_2.0.bin|" + std::string(32, 'a'));
}

TEST(WakeMessage, EscapesWhatHasNoPlaceInAUrl) {
  Image odd = image;
  odd.version = "2.0+a b";
  odd.name = "x/y|z";
  const auto made = message_for(settings_of(WakeTemplate::url_md5), "door-10", odd);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->payload,
            "http://10.1.0.1:8000/door/2.0%2Ba%20b/x%2Fy%7Cz|" + std::string(32, 'a'));
}

TEST(WakeMessage, OfUrlAndMd5HasAtMost128Bytes) {
  const WakeSettings settings = settings_of(WakeTemplate::url_md5);
  Image long_name = image;
  const std::size_t around = settings.url.size() + std::string("2.0/|").size() + 32;
  long_name.name = std::string(128 - around, 'n');
  const auto whole = message_for(settings, "door-10", long_name);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->payload.size(), 128U);
  long_name.name += "n";
  const auto more = message_for(settings, "door-10", long_name);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::too_large);
}

TEST(WakeMessage, ATopicOfOnesOwn) {
  WakeSettings settings = settings_of(WakeTemplate::ttn);
  settings.topic = "v3/{application}@{tenant}/devices/{name}/down/replace/{name}";
  settings.tenant = "acme";
  const auto made = message_for(settings, "abc", image);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->topic, "v3/meters@acme/devices/abc/down/replace/abc");
}

TEST(WakeMessage, NoNameLeavesItsLevelOfTheTopic) {
  for (const auto kind : {WakeTemplate::chirpstack, WakeTemplate::ttn, WakeTemplate::url_md5}) {
    for (const char* name : {"", "a/b", "+", "#", "a+b", "{name}", "70b3d57ed0008cd6/x", "a b"}) {
      const auto made = message_for(settings_of(kind), name, image);
      ASSERT_FALSE(made) << name;
      EXPECT_EQ(made.error().code, ErrorCode::invalid);
    }
  }
  for (const char* name : {"70b3d57ed0008cd", "70b3d57ed0008cd6a", "70b3d57ed0008cg6"}) {
    EXPECT_FALSE(message_for(settings_of(WakeTemplate::chirpstack), name, image)) << name;
  }
  for (const char* name : {"ab", "-ab", "ab-", "a--b", "Abc", "a_b"}) {
    EXPECT_FALSE(message_for(settings_of(WakeTemplate::ttn), name, image)) << name;
  }
}

}  // namespace
}  // namespace ferry::wake
