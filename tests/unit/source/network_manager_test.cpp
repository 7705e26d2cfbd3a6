// A message bus of the test's own, and on it one who answers as NetworkManager does.
#include "agent/source/network_manager.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace ferry::source {
namespace {

// dbus-daemon in a folder of its own; what is the system's bus to this process meanwhile.
class Daemon {
 public:
  Daemon() {
    std::string name = (std::filesystem::temp_directory_path() / "ferry-bus-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    address_ = "unix:path=" + (folder_ / "bus").string();
    const auto config = folder_ / "bus.conf";
    std::ofstream(config) << "<busconfig><listen>" << address_
                          << "</listen><auth>EXTERNAL</auth><policy context=\"default\">"
                             "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/>"
                             "<allow own=\"*\"/></policy></busconfig>";
    run({"dbus-daemon", "--nofork", "--nopidfile", "--print-address=1",
         "--config-file=" + config.string()});
    ::setenv("DBUS_SYSTEM_BUS_ADDRESS", address_.c_str(), 1);
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
    std::filesystem::remove_all(folder_);
  }

 private:
  // Returns once it has said where it listens.
  void run(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::array<int, 2> output{};
    ASSERT_EQ(::pipe2(output.data(), O_CLOEXEC), 0);
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(output[1], 1);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(output[1]);
    char byte = 0;
    EXPECT_EQ(::read(output[0], &byte, 1), 1) << "dbus-daemon does not run";
    ::close(output[0]);
  }

  std::filesystem::path folder_;
  std::string address_;
  pid_t process_ = -1;
};

// Has NetworkManager's name and its property Metered, of whatever type.
class Manager {
 public:
  explicit Manager(std::uint32_t metered, const char* type = "u") : metered_(metered), type_(type) {
    EXPECT_GE(sd_bus_open_system(&bus_), 0);
    EXPECT_GE(sd_bus_set_method_call_timeout(bus_, 5'000'000), 0);
    EXPECT_GE(sd_bus_add_object(bus_, nullptr, "/org/freedesktop/NetworkManager", answer, this), 0);
    EXPECT_GE(sd_bus_request_name(bus_, "org.freedesktop.NetworkManager", 0), 0);
    thread_ = std::thread([this] {
      while (!stop_) {
        while (sd_bus_process(bus_, nullptr) > 0) {
        }
        sd_bus_wait(bus_, 10'000);
      }
    });
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() {
    stop_ = true;
    thread_.join();
    sd_bus_flush_close_unref(bus_);
  }

 private:
  static int answer(sd_bus_message* message, void* user, sd_bus_error*) {
    const Manager& self = *static_cast<Manager*>(user);
    if (*self.type_ == 's') return sd_bus_reply_method_return(message, "v", "s", "yes");
    return sd_bus_reply_method_return(message, "v", "u", self.metered_);
  }

  const std::uint32_t metered_;
  const char* const type_;
  sd_bus* bus_ = nullptr;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST(NetworkManager, SaysWhetherTheLinkCostsMoney) {
  const Daemon daemon;
  const auto says = [](std::uint32_t metered) {
    const Manager manager(metered);
    return network_manager_says_metered();
  };
  EXPECT_EQ(says(0), std::nullopt);
  EXPECT_EQ(says(1), true);
  EXPECT_EQ(says(2), false);
  EXPECT_EQ(says(3), true) << "a guess is as good as it gets";
  EXPECT_EQ(says(4), false);
  EXPECT_EQ(says(77), std::nullopt) << "of a later version";
}

TEST(NetworkManager, ThatDoesNotRunSaysNothing) {
  const Daemon daemon;
  EXPECT_EQ(network_manager_says_metered(), std::nullopt);
}

TEST(NetworkManager, ThatAnswersNonsenseSaysNothing) {
  const Daemon daemon;
  const Manager manager(1, "s");
  EXPECT_EQ(network_manager_says_metered(), std::nullopt);
}

TEST(NetworkManager, WithoutABusSaysNothing) {
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus", 1);
  EXPECT_EQ(network_manager_says_metered(), std::nullopt);
  ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
}

}  // namespace
}  // namespace ferry::source
