#include "tests/contract/ble_visitor.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "agent/ports.hpp"
#include "formats/port_names.hpp"
#include "tests/contract/smp_fetch.hpp"
#include "transports/ble/socket_address.hpp"

namespace ferry::contract {
namespace {

constexpr int connect_wait = 20'000;  // milliseconds
constexpr std::uint16_t packet_size = 2048;
constexpr std::array<std::uint8_t, 3> read_channel = {0x0A, 0x0C, 0x00};  // of the attribute 12
constexpr std::size_t answer_size = 3;

ble::Address address_in(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? ble::Address() : ble::parse_address(text).value_or(ble::Address());
}

bool waits_for(int socket, short event) {
  pollfd watched{socket, event, 0};
  return ::poll(&watched, 1, connect_wait) == 1 && (watched.revents & event) != 0;
}

// On the Attribute Protocol's channel, or with a PSM on a credit-based one. Empty: it failed.
Descriptor connect_to_gateway(std::uint16_t psm) {
  Descriptor made(
      ::socket(AF_BLUETOOTH, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, BTPROTO_L2CAP));
  const std::uint16_t fixed = psm == 0 ? ble::attribute_channel : 0;
  const sockaddr_l2 here = ble::socket_address(address_in("FERRY_BLE_DEVICE"), fixed);
  sockaddr_l2 there = ble::socket_address(address_in("FERRY_BLE_GATEWAY"), fixed);
  there.l2_psm = htobs(psm);
  ::bind(made.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here);
  if (psm != 0) {
    ::setsockopt(made.get(), SOL_BLUETOOTH, BT_RCVMTU, &packet_size, sizeof packet_size);
  }
  ::connect(made.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there);
  int error = 0;
  socklen_t size = sizeof error;
  if (!waits_for(made.get(), POLLOUT) ||
      ::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
    return {};
  }
  return made;
}

class BleVisitor final : public Visitor {
 public:
  ~BleVisitor() override { BleVisitor::leave(); }
  void come_by(AgentEnd& agent, const std::string&, bool) override {
    leave();
    if (!plugged_) plug(agent);
    {
      const std::lock_guard lock(mutex_);
      body_.clear();
    }
    visit_ = std::thread([this] { fetch(); });
  }
  void leave() override {
    if (visit_.joinable()) visit_.join();
  }
  std::optional<std::string> received() override {
    const std::lock_guard lock(mutex_);
    return body_;
  }

 private:
  void plug(AgentEnd& agent) {
    auto management = agent::open_bluetooth_management();
    EXPECT_TRUE(management) << management.error().message;
    if (!management) return;
    std::vector<Descriptor> handed;
    handed.push_back(std::move(*management));
    agent.send(messages::Port{std::string(formats::bluetooth_management)}, std::move(handed));
    plugged_ = true;
    // The kernel takes no connection while it begins to advertise.
    EXPECT_TRUE(eventually([&agent] {
      agent.receive();
      const auto state = agent.take<messages::LinkState>();
      return state && state->detail.starts_with("1 adapters");
    }));
  }

  // The gateway may not advertise yet: then the kernel waits for it.
  bool connect() {
    if (channel_) return true;
    attributes_ = connect_to_gateway(0);
    std::array<std::uint8_t, 64> answer{};
    if (!attributes_ ||
        ::send(attributes_.get(), read_channel.data(), read_channel.size(), 0) < 0 ||
        !waits_for(attributes_.get(), POLLIN) ||
        ::recv(attributes_.get(), answer.data(), answer.size(), 0) != answer_size) {
      return false;
    }
    channel_ = connect_to_gateway(static_cast<std::uint16_t>(answer[1] | answer[2] << 8U));
    return static_cast<bool>(channel_);
  }

  void fetch() {
    if (!connect()) return;
    fetch_file(channel_.get(), [this](std::string_view piece) {
      const std::lock_guard lock(mutex_);
      body_ += piece;
    });
  }

  bool plugged_ = false;
  Descriptor attributes_;
  Descriptor channel_;
  std::thread visit_;
  std::mutex mutex_;
  std::string body_;
};

}  // namespace

bool has_bluetooth() {
  return std::getenv("FERRY_BLE_ADAPTER") != nullptr;
}

TransportCase ble_pull_case() {
  TransportCase one{
      "ble_pull",
      "ble",
      {{"adapters", std::getenv("FERRY_BLE_ADAPTER")}, {"dialect", "pull"}, {"product", "meter"}},
      {{"name", "meter"}, {"dialect", "plain"}, {"match_path", "/meter"}, {"device_id", "address"}},
      []() -> std::unique_ptr<Visitor> { return std::make_unique<BleVisitor>(); }};
  one.image_size = 200'003;
  return one;
}

}  // namespace ferry::contract
