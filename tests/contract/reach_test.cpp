// How far the sockets of a plugin reach, which its name alone decides: the same plugin under other
// names.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "tests/contract/jail_world.hpp"

namespace ferry::contract {
namespace {

const std::string refused = std::to_string(EPERM);

// What the jailbreak meets when it is installed as `name`.
std::map<std::string, std::string> tried_as(const std::string& name) {
  const World world;
  const auto folder = std::filesystem::path(world.around.catalog).parent_path() / "plugins";
  std::filesystem::create_directory(folder);
  std::filesystem::copy_file(test_plugin_folder() / "jailbreak.so", folder / (name + ".so"));
  AgentEnd agent(folder, name, world.around.packs_folder);
  agent.send(messages::Settings{"reach", "info", world.settings(), {}});
  std::map<std::string, std::string> inside;
  while (const auto state = agent.expect<messages::LinkState>()) {
    inside[state->state] = state->detail;
    if (state->state == "read a pack" || state->state == "failed") break;
  }
  return inside;
}

TEST(ReachOfMqtt, IsTheBrokerAndNothingElseMore) {
  auto inside = tried_as("mqtt");
  EXPECT_EQ(inside["ConnectByTcp"], "0");
  EXPECT_EQ(inside["listen"], "0");
  EXPECT_EQ(inside["bluetooth"], refused);
  EXPECT_EQ(inside["ConnectToTheControlSocket"], refused);
  EXPECT_EQ(inside["ConnectByADisguisedSocket"], refused);
  EXPECT_EQ(inside["ConnectByFastOpen"], refused);
  EXPECT_EQ(inside["OpenANetlinkSocket"], refused);
  EXPECT_EQ(inside["ReadTheCatalog"], std::to_string(EACCES));
  EXPECT_EQ(inside["RunAProgram"], refused);
}

TEST(ReachOfBle, IsBluetoothAndNothingOfIp) {
  auto inside = tried_as("ble");
  // A kernel without Bluetooth says so; the jail would say something else.
  EXPECT_EQ(inside["bluetooth"], std::to_string(attempts::bluetooth_socket()));
  EXPECT_NE(inside["bluetooth"], refused);
  EXPECT_EQ(inside["connect at all"], std::to_string(EBADF)) << "of no socket";
  EXPECT_EQ(inside["ConnectByTcp"], refused);
  EXPECT_EQ(inside["listen"], refused);
  EXPECT_EQ(inside["ConnectToTheControlSocket"], refused);
  EXPECT_EQ(inside["OpenANetlinkSocket"], refused);
  EXPECT_EQ(inside["ReadTheCatalog"], std::to_string(EACCES));
}

TEST(ReachOfOthers, IsNotWidenedByANameThatLooksLikeOne) {
  auto inside = tried_as("mqtt2");
  EXPECT_EQ(inside["ConnectByTcp"], refused);
  EXPECT_EQ(inside["listen"], "0");
}

}  // namespace
}  // namespace ferry::contract
