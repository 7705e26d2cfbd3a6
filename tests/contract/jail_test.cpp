// The jail: each attempt to get out of a host fails, and the same attempt succeeds without the
// jail, so that each test can fail.
#include <gtest/gtest.h>
#include <seccomp.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include "tests/contract/attempts.hpp"
#include "tests/contract/harness.hpp"

namespace ferry::contract {
namespace {

// What stands around the jail: a store, a control socket, an open port, a process in the agent's
// place.
class World {
 public:
  World() : artifact_(packs_.add("one.pack", firmware(10'000))) {
    around.catalog = make_file("catalog.db");
    make_file("catalog.db-wal");
    around.key = make_file("cloud.key");
    around.pack = packs_.file(artifact_.pack);
    around.spare_pack = make_file("packs/spare.pack");
    around.packs_folder = packs_.folder();
    around.control_socket = packs_.store() / "control";
    listen_unix();
    listen_tcp();
    open_terminal();
    around.bystander = ::fork();
    if (around.bystander == 0) {
      for (;;) ::pause();
    }
  }
  ~World() {
    ::kill(around.bystander, SIGKILL);
    ::waitpid(around.bystander, nullptr, 0);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::map<std::string, std::string> settings() const {
    return {{"catalog", around.catalog},
            {"key", around.key},
            {"pack", around.pack},
            {"spare_pack", around.spare_pack},
            {"packs_folder", around.packs_folder},
            {"control_socket", around.control_socket},
            {"terminal", around.terminal},
            {"tcp_port", std::to_string(around.tcp_port)},
            {"bystander", std::to_string(around.bystander)}};
  }

  // The end of the terminal that a plugin is given, and what the other end says.
  Descriptor port() {
    const int slave = ::open(around.terminal.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    return Descriptor(slave);
  }
  std::string heard() const {
    std::array<char, 64> text{};
    const ssize_t count = ::read(terminal_.get(), text.data(), text.size());
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }

  Surroundings around;

 private:
  std::string make_file(const std::string& name) {
    const auto path = packs_.store() / name;
    std::ofstream(path) << std::string(8192, 'x');
    return path;
  }
  void listen_unix() {
    unix_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    around.control_socket.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(unix_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(unix_.get(), 8), 0);
  }
  void listen_tcp() {
    tcp_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(tcp_.get(), 8), 0);
    socklen_t length = sizeof address;
    ::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    around.tcp_port = ntohs(address.sin_port);
  }

  void open_terminal() {
    terminal_ = Descriptor(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_EQ(::grantpt(terminal_.get()), 0);
    ASSERT_EQ(::unlockpt(terminal_.get()), 0);
    std::array<char, 64> name{};
    ASSERT_EQ(::ptsname_r(terminal_.get(), name.data(), name.size()), 0);
    around.terminal = name.data();
  }

  Packs packs_;
  messages::ServableArtifact artifact_;
  Descriptor terminal_;
  Descriptor unix_;
  Descriptor tcp_;
};

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
