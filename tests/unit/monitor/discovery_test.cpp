#include "agent/monitor/discovery.hpp"

#include <gtest/gtest.h>

#include <set>

#include "formats/command.hpp"

namespace ferry::monitor {
namespace {

using formats::Json;

Discovery discovery() {
  return {"homeassistant", "ferry/van-1/", "van-1", "0.1.0", true};
}

TEST(Discovery, IdsAreOfAllowedCharactersAndNoTwoAreEqual) {
  const std::string longest(120, '/');
  const std::vector<std::pair<std::string, EntityOf>> all = {
      {"van", {}},
      {"van", {"pump", "7"}},
      {"van", {"pump_7", "x"}},
      {"van", {"pump", "7__x"}},
      {"van__pump", {"7", "x"}},
      {"van", {"pump__7", "x"}},
      {"van__pump__7", {}},
      {"van", {"pump", "_37"}},
      {"van", {"pump", "a/b"}},
      {"van", {"pump", "a b"}},
      {"van", {"pump", "a#+"}},
      {"van", {"pump", "caf\xc3\xa9"}},
      {"van", {"pump", longest}},
      {"van", {"pump", longest.substr(1) + "+"}},
  };
  std::set<std::string> seen;
  for (const auto& [gateway, of] : all) {
    const std::string id = entity_id(gateway, of);
    EXPECT_TRUE(seen.insert(id).second) << id;
    EXPECT_LE(id.size(), 219U);
    for (const char c : id) EXPECT_TRUE(std::isalnum(c) != 0 || c == '_' || c == '-') << id;
  }
}

TEST(Discovery, ADeviceIsAnUpdateEntityBehindItsGateway) {
  const EntityOf of{"pump", "7"};
  EXPECT_EQ(config_topic(discovery(), of), "homeassistant/update/ferry__van-1__pump__7/config");
  const Json config = entity_config(discovery(), of, "force");
  EXPECT_EQ(config["unique_id"], "ferry__van-1__pump__7");
  EXPECT_EQ(config["state_topic"], "ferry/van-1/device/pump/7");
  EXPECT_EQ(config["value_template"], "{{ value_json.home_assistant | to_json }}");
  EXPECT_EQ(config["availability_topic"], "ferry/van-1/status");
  EXPECT_EQ(config["device_class"], "firmware");
  EXPECT_EQ(config["device"]["identifiers"], Json::array({"ferry__van-1__pump__7"}));
  EXPECT_EQ(config["device"]["via_device"], "ferry__van-1");
  EXPECT_EQ(config["command_topic"], "ferry/van-1/command");
  EXPECT_EQ(config["retain"], false) << "retained commands are not obeyed";
  const auto command = formats::parse_command(config["payload_install"].get<std::string>());
  ASSERT_TRUE(command) << command.error().message;
  EXPECT_EQ(command->verb, formats::Verb::force);
  EXPECT_EQ(command->device, "7");
  EXPECT_EQ(command->product, "pump");
}

TEST(Discovery, TheGatewayIsOneWithoutAButton) {
  EXPECT_EQ(config_topic(discovery(), {}), "homeassistant/update/ferry__van-1/config");
  const Json config = entity_config(discovery(), {}, "");
  EXPECT_EQ(config["state_topic"], "ferry/van-1/state");
  EXPECT_EQ(config["device"]["sw_version"], "0.1.0");
  EXPECT_FALSE(config.contains("command_topic"));
}

TEST(Discovery, NoButtonIsOfferedWhoseCommandWouldBeRefused) {
  Discovery signed_only = discovery();
  signed_only.buttons = false;
  const Json config = entity_config(signed_only, {"pump", "7"}, "force");
  EXPECT_FALSE(config.contains("command_topic"));
  EXPECT_FALSE(config.contains("payload_install"));
}

// Home Assistant reads no payload with another key, or a null for a version.
TEST(Discovery, AStateHasTheKeysThatHomeAssistantTakes) {
  EXPECT_EQ(to_json(EntityState{"1.0", "1.1", "pump", true, 43}),
            (Json{{"installed_version", "1.0"},
                  {"latest_version", "1.1"},
                  {"title", "pump"},
                  {"in_progress", true},
                  {"update_percentage", 43}}));
  EXPECT_EQ(to_json(EntityState{"", "", "pump", false, -1}),
            (Json{{"title", "pump"}, {"in_progress", false}, {"update_percentage", nullptr}}));
}

}  // namespace
}  // namespace ferry::monitor
