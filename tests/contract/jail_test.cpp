// The jail: each attempt to get out of a host fails, and the same attempt succeeds without the
// jail, so that each test can fail.
#include <gtest/gtest.h>
#include <seccomp.h>

#include <map>
#include <thread>

#include "tests/contract/jail_world.hpp"

namespace ferry::contract {
namespace {

// The outcome of every attempt, made once inside the jail and once outside.
class Jail : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() {
    const World world;
    AgentEnd agent(test_plugin_folder(), "jailbreak", world.around.packs_folder);
    agent.send(messages::Settings{"jail", "info", world.settings(), {}});
    while (const auto state = agent.expect<messages::LinkState>()) {
      inside_[state->state] = state->detail;
      if (state->state == "read a pack" || state->state == "failed") break;
    }
    EXPECT_EQ(::kill(world.around.bystander, 0), 0) << "the process in the agent's place is gone";
    for (const Attempt& attempt : all_attempts()) {
      outside_[attempt.name] = std::to_string(attempt.run(world.around));
    }
  }

  static inline std::map<std::string, std::string> inside_;
  static inline std::map<std::string, std::string> outside_;
};

TEST_P(Jail, Denies) {
  const std::string refused = std::to_string(EPERM);
  const std::string unreadable = std::to_string(EACCES);
  const std::string other_file_system =
      std::to_string(EXDEV);  // Landlock's word for link and rename
  const std::string& error = inside_[GetParam()];
  EXPECT_TRUE(error == refused || error == unreadable || error == other_file_system)
      << "errno " << error;
}

TEST_P(Jail, WithoutItTheSameWorks) {
  EXPECT_EQ(outside_[GetParam()], "0");
}

TEST_F(Jail, HoldsBeforeTheFirstInstructionOfThePlugin) {
  EXPECT_EQ(inside_["read by a constructor"], std::to_string(EACCES));
  EXPECT_EQ(inside_["fork by a constructor"], std::to_string(EPERM));
}

TEST_F(Jail, LeavesWhatTransportsNeed) {
  EXPECT_EQ(inside_["listen"], "0");
  EXPECT_EQ(inside_["read a pack"], "0");
}

TEST_F(Jail, OpensNoConnectionAndNoBluetooth) {
  EXPECT_EQ(inside_["connect at all"], std::to_string(EPERM));
  EXPECT_EQ(inside_["bluetooth"], std::to_string(EPERM));
}

TEST(JailWithALine, LetsItBeUsedAndNothingBeTypedIntoIt) {
  World world;
  AgentEnd agent(test_plugin_folder(), "jailbreak", world.around.packs_folder);
  agent.send(messages::Settings{"jail", "info", world.settings(), {}});
  std::map<std::string, std::string> inside;
  std::vector<Descriptor> descriptors;
  descriptors.push_back(world.port());
  agent.send(messages::Port{"/dev/ttyUSB0"}, std::move(descriptors));
  while (!inside.contains("port: end")) {
    const auto state = agent.expect<messages::LinkState>();
    ASSERT_TRUE(state);
    inside[state->state] = state->detail;
  }
  EXPECT_EQ(inside["port: set its modes"], "0");
  EXPECT_EQ(inside["port: ask what is unsent"], "0");
  EXPECT_EQ(inside["port: drive its transceiver"], std::to_string(ENOTTY)) << "a pty has none";
  EXPECT_EQ(inside["port: write"], "0");
  EXPECT_EQ(inside["port: type"], std::to_string(EPERM));
  EXPECT_EQ(world.heard(), "hello");
}

// This thread and the host it starts see a kernel that knows no Landlock.
void hide_landlock() {
  const auto filter = ::seccomp_init(SCMP_ACT_ALLOW);
  ASSERT_EQ(
      ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0), 0);
  ASSERT_EQ(::seccomp_load(filter), 0);
  ::seccomp_release(filter);
}

TEST(JailOnAKernelWithoutLandlock, IsNoReasonToRunWithoutIt) {
  // A thread of its own, since nothing takes the filter back; it outlives the host, which would end
  // with it.
  std::thread([] {
    hide_landlock();
    const Packs packs;
    AgentEnd agent(test_plugin_folder(), "jailbreak", packs.folder());
    agent.send(messages::Settings{"jail", "info", {}, {}});
    const auto state = agent.expect<messages::LinkState>();
    ASSERT_TRUE(state);
    EXPECT_EQ(state->state, "failed");
    EXPECT_NE(state->detail.find("no Landlock"), std::string::npos) << state->detail;
    const auto exit = agent.wait_exit();
    ASSERT_TRUE(exit);
    EXPECT_TRUE(WIFEXITED(*exit) && WEXITSTATUS(*exit) == 1);
  }).join();
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Attempt& attempt : all_attempts()) all.push_back(attempt.name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(, Jail, testing::ValuesIn(names()),
                         [](const auto& attempt) { return attempt.param; });

}  // namespace
}  // namespace ferry::contract
