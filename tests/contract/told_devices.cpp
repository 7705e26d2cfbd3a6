#include "tests/contract/told_devices.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <mutex>
#include <thread>

#include "tests/contract/far_end.hpp"
#include "tests/contract/smp_slots.hpp"
#include "tests/contract/udp_visitors.hpp"
#include "transports/smp/console.hpp"

namespace ferry::contract {
namespace {

// A device that tells of its slots, whatever carries its packets.
class SmpDevice : public Told {
 public:
  explicit SmpDevice(const std::string& content) : slots_(content.size()) {}
  std::string stored() override { return slots_.stored(); }
  std::string staged() override { return slots_.staged(); }
  std::string running() override { return slots_.running(); }
  bool is_confirmed() override { return slots_.is_confirmed(); }
  void ignore_resets(int count) override { slots_.ignore_resets(count); }

 protected:
  SmpSlots slots_;
};

class SerialSmpDevice final : public SmpDevice {
 public:
  using SmpDevice::SmpDevice;
  ~SerialSmpDevice() override { line_.unplug(); }
  std::string id() const override { return line_name; }
  void plug(AgentEnd& agent, const std::string&) override { line_.plug(agent); }
  void unplug() override { line_.unplug(); }

 private:
  void asked(Bytes packet) {
    const auto answer = slots_.answer(packet);
    if (!answer) return;
    line_.say("<dbg> an answer follows\r\n" + smp::encode_console(as_bytes(*answer)));
  }

  smp::ConsoleDecoder decoder_{{}, [this](Bytes packet) { asked(packet); }};
  FarEnd line_{[this](std::string_view bytes) { decoder_.feed(as_bytes(bytes)); }};
};

// Shows itself by its first packet. Out of reach it hears nothing, and keeps its address.
class UdpSmpDevice final : public SmpDevice {
 public:
  explicit UdpSmpDevice(const std::string& content)
      : SmpDevice(content), socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in any = loopback_address(0);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  }
  ~UdpSmpDevice() override { UdpSmpDevice::unplug(); }
  std::string id() const override {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&own), &size);
    return "127.0.0.1:" + std::to_string(ntohs(own.sin_port));
  }
  void plug(AgentEnd&, const std::string& listening) override {
    const sockaddr_in gateway = address_of(listening);
    ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&gateway), sizeof gateway);
    smp::Header hello;
    hello.group = smp::group::os;
    hello.op = smp::Op::read_answer;
    say(smp::encode(hello, "\xa0"));
    ends_ = false;
    thread_ = std::thread([this] { listen(); });
  }
  void unplug() override {
    ends_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  // So slow that it can be met half way.
  static constexpr std::chrono::milliseconds flash_time{3};

  void say(const std::string& packet) const {
    EXPECT_EQ(::send(socket_.get(), packet.data(), packet.size(), 0),
              static_cast<ssize_t>(packet.size()));
  }
  void listen() {
    std::array<std::byte, 4096> datagram{};
    while (!ends_) {
      pollfd readable{socket_.get(), POLLIN, 0};
      if (::poll(&readable, 1, 20) <= 0) continue;
      const ssize_t size = ::recv(socket_.get(), datagram.data(), datagram.size(), 0);
      if (size <= 0) continue;
      std::this_thread::sleep_for(flash_time);
      const auto answer = slots_.answer(Bytes(datagram.data(), static_cast<std::size_t>(size)));
      if (answer) say(*answer);
    }
  }

  const Descriptor socket_;
  std::thread thread_;
  std::atomic<bool> ends_ = false;
};

// Takes whatever comes.
class RawDevice final : public Told {
 public:
  explicit RawDevice(const std::string&) {}
  ~RawDevice() override { line_.unplug(); }
  std::string id() const override { return line_name; }
  void plug(AgentEnd& agent, const std::string&) override {
    {
      const std::lock_guard lock(mutex_);
      bytes_.clear();  // it cannot say how much it has
    }
    line_.plug(agent);
  }
  void unplug() override { line_.unplug(); }
  std::string stored() override {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  std::mutex mutex_;
  std::string bytes_;
  FarEnd line_{[this](std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    bytes_ += bytes;
  }};
};

template <typename Device>
std::unique_ptr<Told> make(const std::string& content) {
  return std::make_unique<Device>(content);
}

using Settings = std::map<std::string, std::string>;

Settings with(Settings own) {
  own.insert({{"product", "meter"}, {"poll_interval", "300"}, {"probe_timeout", "1000"}});
  return own;
}

Settings line(const std::string& dialect) {
  // A second and a half for the image: long enough to meet it half way.
  return with({{"port", "/dev/serial/by-id/*"}, {"dialect", dialect}, {"baud", "8000000"}});
}

}  // namespace

const std::vector<ToldCase>& told_cases() {
  static const std::vector<ToldCase> all = {
      {"serial_smp", "serial", line("smp"), make<SerialSmpDevice>, true, true},
      {"serial_raw", "serial", line("raw"), make<RawDevice>, false, true},
      {"udp_smp", "udp", with({{"listen", "127.0.0.1:0"}}), make<UdpSmpDevice>, true, false},
  };
  return all;
}

}  // namespace ferry::contract
