// KernelRadio, with the test in the kernel's place on the management socket. The links themselves
// fail at once: there is no such adapter.
#include "transports/ble/kernel_radio.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "transports/ble/numbers.hpp"
#include "transports/ble/smp_service.hpp"

namespace ferry::ble {
namespace {

using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint8_t no_error = 0;
constexpr std::uint8_t failed = 0x03;

// Answers as a kernel with one adapter that is switched on, and remembers how it was switched.
class FakeKernel final : private loop::Waiter {
 public:
  explicit FakeKernel(loop::Loop& loop) : socket_(loop, *this) {}
  ~FakeKernel() { socket_.close(); }

  // The other end.
  int open() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()),
              0);
    EXPECT_TRUE(socket_.open(ends[0]));
    socket_.wait_readable();
    return ends[1];
  }

  std::vector<bool> switched;
  bool refuses_power = false;

 private:
  void readable() override {
    std::array<std::byte, 512> packet;
    for (;;) {
      const ssize_t count = ::recv(socket_.descriptor(), packet.data(), packet.size(), 0);
      if (count <= 0) break;
      take(Bytes(packet.data(), static_cast<std::size_t>(count)));
    }
    socket_.wait_readable();
  }
  void writable() override {}
  void released() override {}

  void take(Bytes packet) {
    const std::uint16_t command = number_at(packet, 0);
    std::string answer;
    if (command == mgmt::command::adapters) put_number(answer, 1), put_number(answer, 0);
    if (command == mgmt::command::adapter_info) {
      answer = std::string("\x01\x00\x00\x01\xaa\x00\x09\x00\x00", 9) + settings() + settings();
    }
    if (command == mgmt::command::set_powered) {
      switched.push_back(byte_at(packet, 6) != 0);
      if (refuses_power) return reply(command, failed, number_at(packet, 2), "");
      powered_ = switched.back();
      answer = settings();
    }
    reply(command, no_error, number_at(packet, 2), answer);
  }
  std::string settings() const {
    std::string text;
    put_number(text, static_cast<std::uint16_t>(mgmt::setting::low_energy |
                                                (powered_ ? mgmt::setting::powered : 0U)));
    put_number(text, 0);
    return text;
  }
  void reply(std::uint16_t command, std::uint8_t status, std::uint16_t adapter,
             const std::string& answer) {
    std::string packet;
    put_number(packet, 1);
    put_number(packet, adapter);
    put_number(packet, static_cast<std::uint16_t>(3 + answer.size()));
    put_number(packet, command);
    packet += static_cast<char>(status);
    packet += answer;
    EXPECT_GT(::send(socket_.descriptor(), packet.data(), packet.size(), 0), 0);
  }

  loop::Watch socket_;
  bool powered_ = true;
};

class KernelRadioTest : public testing::Test, protected RadioEvents, protected LinkEvents {
 protected:
  // Connects again and again, so often.
  void fail_connections(int count) {
    wanted_ = count;
    ASSERT_TRUE(radio_.open(kernel_.open()));
    limit_.set(steady_clock::now() + std::chrono::seconds(20));
    loop_.run();
    EXPECT_EQ(failures_, count);
    radio_.close();
  }

  void port_lost() override {}
  void found(AdapterNumber, const Advertisement&) override {}
  void adapters_changed() override { connect(); }
  void up() override { ADD_FAILURE() << "there is no such device"; }
  void received(Bytes) override {}
  void room() override {}
  void refused(std::string_view) override {}
  void down(std::string_view) override {
    if (++failures_ == wanted_) {
      // Whatever it does now is to be seen.
      end_.set(steady_clock::now() + std::chrono::milliseconds(100));
      return;
    }
    loop_.post([this] { connect(); });
  }

  void connect() {
    if (radio_.adapters().empty() || failures_ == wanted_) return;
    link_ = radio_.connect(0, *parse_address("00:AA:01:00:00:42"), *this);
  }
  std::size_t lines_with(const std::string& text) const {
    return static_cast<std::size_t>(std::count_if(
        lines_.begin(), lines_.end(),
        [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }

  loop::Loop loop_;
  FakeKernel kernel_{loop_};
  std::vector<std::string> lines_;
  KernelRadio radio_{loop_, smp_target(), {}, *this, [this](int, const std::string& text) {
                       lines_.push_back(text);
                     }};
  loop::Timer limit_{loop_, [this] { loop_.stop(); }};
  loop::Timer end_{loop_, [this] { loop_.stop(); }};
  std::shared_ptr<RadioLink> link_;
  int failures_ = 0, wanted_ = 0;
};

TEST_F(KernelRadioTest, AnAdapterOnWhichNothingComesUpIsSwitchedOffAndOn) {
  fail_connections(4);
  EXPECT_THAT(kernel_.switched, ElementsAre(false, true));
  EXPECT_EQ(lines_with("no connection comes up"), 1U);
  EXPECT_THAT(radio_.adapters(), ElementsAre(0));
}

TEST_F(KernelRadioTest, FewerFailuresAreNoReason) {
  fail_connections(3);
  EXPECT_THAT(kernel_.switched, ElementsAre());
}

TEST_F(KernelRadioTest, ItIsNotDoneAgainAndAgain) {
  fail_connections(40);
  EXPECT_THAT(kernel_.switched, ElementsAre(false, true));
  EXPECT_EQ(lines_with("no connection comes up"), 1U);
}

TEST_F(KernelRadioTest, OneThatCannotBeSwitchedOffGoesOn) {
  kernel_.refuses_power = true;
  fail_connections(12);
  EXPECT_THAT(kernel_.switched, ElementsAre(false));
  EXPECT_THAT(radio_.adapters(), ElementsAre(0));
}

}  // namespace
}  // namespace ferry::ble
