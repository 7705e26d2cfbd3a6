// The monitor where no broker can be had; with one: tests/integration/test_monitor.py.
#include "agent/monitor/monitor.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/file.hpp"

namespace ferry::monitor {
namespace {

using namespace std::chrono_literals;

class EmptyOutbox final : public storage::Outbox {
 public:
  Status append(const std::vector<storage::Event>&) override { return {}; }
  Result<std::vector<storage::Event>> waiting(std::uint64_t, std::size_t) override {
    return std::vector<storage::Event>();
  }
  Status acknowledge(const std::vector<std::uint64_t>&) override { return {}; }
  Result<std::uint64_t> size() override { return 3U; }
  Result<std::uint64_t> dropped() override { return 0U; }
};

class MonitorTest : public testing::Test {
 protected:
  MonitorTest() {
    options.gateway = "van";
    options.settings.enabled = true;
    options.settings.host = "127.0.0.1";
    options.settings.tls = false;
    options.first_backoff = 10ms;
    options.last_backoff = 50ms;
  }
  // The first status that tells of a failure.
  static MonitorStatus failed(const Monitor& monitor) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < end) {
      if (auto status = monitor.status(); !status.error.empty()) return status;
      std::this_thread::sleep_for(5ms);
    }
    return {};
  }
  // A listener that nobody serves: connections succeed and stay silent.
  Descriptor silent_listener() {
    Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener.get(), generic, length), 0);
    EXPECT_EQ(::listen(listener.get(), 8), 0);
    EXPECT_EQ(::getsockname(listener.get(), generic, &length), 0);
    options.settings.port = ntohs(address.sin_port);
    return listener;
  }

  MonitorOptions options;
  EmptyOutbox outbox;
};

TEST_F(MonitorTest, WithoutABrokerItIsDisabledAndHarmless) {
  options.settings.enabled = false;
  Monitor monitor(options, outbox);
  monitor.publish_state({{"a", 1}});
  monitor.publish_device("pump", "a", {{"a", 1}});
  monitor.events_added();
  EXPECT_EQ(monitor.status().state, "disabled");
}

TEST_F(MonitorTest, SaysWhyItIsNotConnectedAndWhatWaits) {
  { const Descriptor taken = silent_listener(); }  // the port is free again: refused
  Monitor monitor(options, outbox);
  const MonitorStatus status = failed(monitor);
  EXPECT_EQ(status.state, "connecting");
  EXPECT_EQ(status.broker, "127.0.0.1:" + std::to_string(options.settings.port));
  EXPECT_EQ(status.error, status.broker + ": Connection refused");
  EXPECT_EQ(status.waiting, 3U);
}

TEST_F(MonitorTest, ABrokerThatSaysNothingIsGivenUp) {
  const Descriptor listener = silent_listener();
  options.accept_deadline = 50ms;
  Monitor monitor(options, outbox);
  EXPECT_EQ(failed(monitor).error, "127.0.0.1: does not answer (is this an MQTT broker?)");
}

TEST_F(MonitorTest, EndsSoonWhileTheBrokerSaysNothing) {
  const Descriptor listener = silent_listener();
  const auto begun = std::chrono::steady_clock::now();
  { Monitor monitor(options, outbox); }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
}

TEST_F(MonitorTest, APasswordThatEveryoneReadsIsRefused) {
  const Descriptor listener = silent_listener();
  const std::filesystem::path file = testing::TempDir() + "monitor_test_password";
  std::ofstream(file) << "secret\n";
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  options.settings.user = "van";
  options.settings.password_file = file;
  Monitor monitor(options, outbox);
  const MonitorStatus status = failed(monitor);
  EXPECT_EQ(status.state, "refused");
  EXPECT_NE(status.error.find("readable by everyone"), std::string::npos) << status.error;
  EXPECT_EQ(status.error.find("secret"), std::string::npos);
}

TEST_F(MonitorTest, AFileThatIsMissingIsNamed) {
  const Descriptor listener = silent_listener();
  options.settings.tls = true;
  options.settings.ca_file = "/nowhere/ca.pem";
  Monitor monitor(options, outbox);
  EXPECT_EQ(failed(monitor).error, "ca_file /nowhere/ca.pem: No such file or directory");
}

TEST_F(MonitorTest, APrefixThatIsNoTopicIsRefused) {
  const Descriptor listener = silent_listener();
  options.settings.prefix = "fleet/#";
  Monitor monitor(options, outbox);
  const MonitorStatus status = failed(monitor);
  EXPECT_EQ(status.state, "refused");
  EXPECT_NE(status.error.find("check prefix"), std::string::npos) << status.error;
}

}  // namespace
}  // namespace ferry::monitor
