// What is the serial transport's alone: its settings, and lines that are of no use.
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>

#include "tests/contract/harness.hpp"

namespace ferry::contract {
namespace {

using Values = std::map<std::string, std::string>;

class Serial : public testing::Test {
 protected:
  messages::LinkState state_with(const Values& more) {
    Values values = {{"port", "/dev/ttyUSB*"}, {"product", "meter"}};
    for (const auto& [key, value] : more) values[key] = value;
    agent_ = std::make_unique<AgentEnd>(plugin_folder(), "serial", packs_.folder());
    agent_->send(
        messages::Settings{"link", "debug", values, {{{"name", "meter"}, {"dialect", "plain"}}}});
    return agent_->expect<messages::LinkState>().value_or(messages::LinkState());
  }
  // Hands over a pty's slave; its master.
  Descriptor plug(const std::string& name) {
    int master = -1;
    int slave = -1;
    EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
    std::vector<Descriptor> descriptors;
    descriptors.emplace_back(slave);
    agent_->send(messages::Port{name}, std::move(descriptors));
    return Descriptor(master);
  }

  Packs packs_;
  std::unique_ptr<AgentEnd> agent_;
};

TEST_F(Serial, ListensBeforeAnyLineIsThere) {
  const auto state = state_with({{"port", "/dev/ttyS0, /dev/ttyS1\t/dev/ttyS2"}});
  EXPECT_EQ(state.state, "listening");
  EXPECT_EQ(state.detail, "0 of 3 ports");
}

TEST_F(Serial, CountsTheLinesThatItHas) {
  state_with({});
  const Descriptor first = plug("/dev/ttyUSB0");
  EXPECT_EQ(agent_->expect<messages::LinkState>()->detail, "1 of 1 ports");
  Descriptor second = plug("/dev/ttyUSB1");
  EXPECT_EQ(agent_->expect<messages::LinkState>()->detail, "2 of 2 ports");
  second = Descriptor();
  EXPECT_EQ(agent_->expect<messages::LinkState>()->detail, "1 of 2 ports");
  EXPECT_EQ(agent_->expect<messages::PortClosed>()->name, "/dev/ttyUSB1");
}

TEST_F(Serial, SettingsThatMakeNoSenseAreRefused) {
  const std::vector<Values> wrong = {
      {{"port", ""}},
      {{"product", ""}},
      {{"product", "unknown"}},
      {{"dialect", "kermit"}},
      {{"baud", "fast"}},
      {{"baud", "0"}},
      {{"parity", "mark"}},
      {{"stop_bits", "3"}},
      {{"flow_control", "xonxoff"}, {"dialect", "raw"}},
      {{"rs485", "perhaps"}},
      {{"poll_interval", "-1"}},
  };
  for (const Values& values : wrong) {
    EXPECT_EQ(state_with(values).state, "failed") << values.begin()->first;
    EXPECT_TRUE(agent_->wait_exit());
  }
}

TEST_F(Serial, ALineThatCannotDriveATransceiverSaysSo) {
  state_with({{"rs485", "yes"}});
  const Descriptor master = plug("/dev/ttyUSB0");
  const auto state = agent_->expect<messages::LinkState>();
  ASSERT_TRUE(state);
  EXPECT_EQ(state->state, "listening");
  EXPECT_NE(state->detail.find("0 of 1 ports; /dev/ttyUSB0: rs485 = yes"), std::string::npos)
      << state->detail;
  EXPECT_TRUE(agent_->answers_ping());
}

TEST_F(Serial, AnyRateAndEveryShapeOfBytesCanBeSet) {
  for (const Values& values : std::vector<Values>{{{"baud", "50"}},
                                                  {{"baud", "250000"}},
                                                  {{"parity", "even"}, {"stop_bits", "2"}},
                                                  {{"parity", "odd"}, {"flow_control", "rtscts"}},
                                                  {{"flow_control", "xonxoff"}}}) {
    state_with(values);
    const Descriptor master = plug("/dev/ttyUSB0");
    EXPECT_EQ(agent_->expect<messages::LinkState>()->detail, "1 of 1 ports");
  }
}

TEST_F(Serial, FloodsOfNoiseCostNothingButTheirBytes) {
  for (const char* dialect : {"smp", "pull", "raw", "xmodem"}) {
    state_with({{"dialect", dialect}, {"trigger", "never"}, {"baud", "4000000"}});
    const Descriptor master = plug("/dev/ttyUSB0");
    ASSERT_TRUE(agent_->expect<messages::LinkState>());
    const std::string noise = "\x06\x09 not base64 \n" + firmware(100'000) + "\x04\x14////\n";
    std::string_view left = noise;
    while (!left.empty()) {
      const ssize_t count =
          ::write(master.get(), left.data(), std::min<std::size_t>(left.size(), 4096));
      ASSERT_GT(count, 0) << dialect;
      left.remove_prefix(static_cast<std::size_t>(count));
    }
    EXPECT_TRUE(agent_->answers_ping()) << dialect;
    EXPECT_TRUE(agent_->running()) << dialect;
  }
}

}  // namespace
}  // namespace ferry::contract
