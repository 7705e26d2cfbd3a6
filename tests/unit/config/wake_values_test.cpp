#include "config/wake_values.hpp"

#include <gmock/gmock.h>

#include "config/interpret.hpp"

namespace ferry::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(WokenDevices, AreListedWithTheirNames) {
  EXPECT_THAT(*values::WokenDevices::parse("10.1.0.7 = 70b3d57ed0008cd6,a b/c=x , door-1"),
              ElementsAre(WokenDevice{"10.1.0.7", "70b3d57ed0008cd6"}, WokenDevice{"a b/c", "x"},
                          WokenDevice{"door-1", "door-1"}));
  for (const char* text : {"", ",", "a =", "= a", "a = b/c", "a = +", "a = #", "a,", "a = b, a = c",
                           "a = c, b = c", "a = b = c", "a = {name}", "a b"}) {
    EXPECT_FALSE(values::WokenDevices::parse(text)) << text;
  }
}

TEST(WokenDevices, AreAtMost128) {
  std::string text = "d0";
  for (int i = 1; i < 128; ++i) text += ", d" + std::to_string(i);
  EXPECT_EQ(values::WokenDevices::parse(text)->size(), 128U);
  EXPECT_FALSE(values::WokenDevices::parse(text + ", d128"));
}

TEST(WakeValues, BytesArePairsOfHexDigits) {
  EXPECT_EQ(values::DownlinkBytes::parse("00fFa1"), std::string("\0\xFF\xA1", 3));
  EXPECT_EQ(values::DownlinkBytes::parse(std::string(484, '0'))->size(), 242U);
  for (const std::string text : {"", "0", "0x01", "01 2", "g0", "+1", "-1", "010"}) {
    EXPECT_FALSE(values::DownlinkBytes::parse(text)) << text;
  }
  EXPECT_FALSE(values::DownlinkBytes::parse(std::string(486, '0')));
}

TEST(WakeValues, ATopicHasTheDevicesName) {
  for (const char* text : {"{name}", "{name}/ota", "v3/{application}@{tenant}/devices/{name}/x"}) {
    EXPECT_TRUE(values::TopicPattern::parse(text)) << text;
  }
  for (const char* text : {"", "ota", "/{name}", "{name}/", "{name}/#", "+/{name}", "{name}/{who}",
                           "{name} x", "{{name}}"}) {
    EXPECT_FALSE(values::TopicPattern::parse(text)) << text;
  }
  EXPECT_FALSE(values::TopicPattern::parse("{name}/" + std::string(200, 'x')));
}

TEST(WakeValues, NumbersWithinTheirBounds) {
  EXPECT_EQ(values::DownlinkPort::parse("223"), 223U);
  EXPECT_EQ(values::PerDay::parse("100"), 100U);
  EXPECT_EQ(values::PerHour::parse("3600"), 3600U);
  for (const char* text : {"", "0", "-1", "x", "3601", "1 "}) {
    EXPECT_FALSE(values::DownlinkPort::parse(text)) << text;
    EXPECT_FALSE(values::PerDay::parse(text)) << text;
    EXPECT_FALSE(values::PerHour::parse(text)) << text;
  }
}

Problems wake_problems(const std::string& more) {
  return interpret({{"ferry.ini", "[product.meter]\n" + more}}, "gw").problems;
}

constexpr const char* chirpstack =
    "[wake.a]\nproduct = meter\ntemplate = chirpstack\napplication = 1\n";

TEST(WakeSection, HasItsDefaults) {
  const auto loaded =
      interpret({{"ferry.ini", std::string("[product.meter]\n") + chirpstack}}, "gw");
  ASSERT_TRUE(loaded.settings);
  ASSERT_EQ(loaded.settings->wakes.size(), 1U);
  const WakeSettings& read = loaded.settings->wakes[0];
  EXPECT_EQ(read.name, "a");
  EXPECT_EQ(read.tenant, WakeSettings().tenant);
  EXPECT_EQ(read.port, WakeSettings().port);
  EXPECT_EQ(read.payload, WakeSettings().payload);
  EXPECT_EQ(read.interval, WakeSettings().interval);
  EXPECT_EQ(read.longest_interval, WakeSettings().longest_interval);
  EXPECT_EQ(read.absent, WakeSettings().absent);
  EXPECT_EQ(read.per_day, WakeSettings().per_day);
  EXPECT_EQ(loaded.settings->gateway.wakes_per_hour, GatewaySettings().wakes_per_hour);
}

TEST(WakeSection, WhatIsWrongIsToldWithItsLine) {
  EXPECT_THAT(
      wake_problems("[wake.a]\n"),
      ElementsAre("ferry.ini:2: [wake.a] product: is missing: The product of these devices.",
                  HasSubstr("ferry.ini:2: [wake.a] template: is missing")));
  EXPECT_THAT(wake_problems("[wake.a]\nproduct = lock\ntemplate = ttn\napplication = 1\n"),
              ElementsAre("ferry.ini:3: [wake.a] product: there is no section [product.lock]"));
  EXPECT_THAT(wake_problems("[wake.a]\nproduct = meter\ntemplate = lora\n"),
              ElementsAre("ferry.ini:4: [wake.a] template: 'lora' is not one of chirpstack, ttn, "
                          "url-md5"));
  EXPECT_THAT(wake_problems(std::string(chirpstack) + "url = http://h/\n"),
              ElementsAre(HasSubstr("ferry.ini:6: [wake.a] url: belongs to template = url-md5")));
  EXPECT_THAT(wake_problems("[wake.a]\nproduct = meter\ntemplate = url-md5\nport = 2\n"),
              ElementsAre(HasSubstr("[wake.a] url: is missing"),
                          HasSubstr("ferry.ini:5: [wake.a] port: belongs to template = ")));
  EXPECT_THAT(wake_problems(std::string(chirpstack) + "interval = 2h\nlongest_interval = 1h\n"),
              ElementsAre("ferry.ini:7: [wake.a] longest_interval: is shorter than interval"));
  EXPECT_THAT(wake_problems("[gateway]\nwakes_per_hour = 0\n"),
              ElementsAre(HasSubstr("wakes_per_hour: '0' is not a number from 1 to 3600")));
}

TEST(WakeSection, NamesAreThoseOfTheirNetwork) {
  EXPECT_THAT(wake_problems(std::string(chirpstack) + "devices = 10.1.0.7 = 70b3\n"),
              ElementsAre("ferry.ini:6: [wake.a] devices: '70b3' is not a devEUI (16 hex digits)"));
  EXPECT_THAT(wake_problems("[wake.a]\nproduct = meter\ntemplate = ttn\napplication = 1\n"
                            "devices = Seven\n"),
              ElementsAre(HasSubstr("'Seven' is not a device id of The Things Stack")));
}

TEST(WakeSection, NoDeviceIsWokenByTwo) {
  const auto section = [](const std::string& name, const std::string& devices) {
    return "[wake." + name +
           "]\nproduct = meter\ntemplate = url-md5\nurl = http://h/\ndevices = " + devices + "\n";
  };
  EXPECT_THAT(wake_problems(section("a", "1, 2") + section("b", "3, 4")), IsEmpty());
  EXPECT_THAT(wake_problems(section("a", "1, 2") + section("b", "3, 2 = x")),
              ElementsAre("ferry.ini:11: [wake.b] devices: 2 is woken in [wake.a] already"));
  EXPECT_THAT(wake_problems(section("a", "") + section("b", "3")),
              ElementsAre("ferry.ini:11: [wake.b] devices: all devices of its product are woken in "
                          "[wake.a] already"));
  EXPECT_THAT(wake_problems(section("a", "1") + section("b", "")),
              ElementsAre(HasSubstr("devices of its product are woken in [wake.a] already")));
}

}  // namespace
}  // namespace ferry::config
