#include "tests/contract/udp_visitors.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <mutex>
#include <thread>

#include "transports/smp/packet.hpp"

namespace ferry::contract {
namespace {

constexpr int answer_wait = 1000;  // milliseconds; then it asks again
constexpr int most_attempts = 20;

class UdpPullVisitor final : public Visitor {
 public:
  ~UdpPullVisitor() override { UdpPullVisitor::leave(); }
  void come_by(AgentEnd&, const std::string& listening, bool) override {
    leave();
    {
      const std::lock_guard lock(mutex_);
      body_.clear();
    }
    visit_ = std::thread([this, listening] { fetch(listening); });
  }
  void leave() override {
    if (visit_.joinable()) visit_.join();
  }
  std::optional<std::string> received() override {
    const std::lock_guard lock(mutex_);
    return body_;
  }

 private:
  void fetch(const std::string& listening) {
    const sockaddr_in address = address_of(listening);
    const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return;
    std::size_t length = 1;
    for (std::size_t offset = 0; offset < length;) {
      const std::optional<smp::Json> answer = ask(socket.get(), offset);
      if (!answer || !answer->contains("data")) return;
      if (answer->contains("len")) length = answer->at("len").get<std::size_t>();
      const auto& piece = answer->at("data").get_binary();
      if (piece.empty()) return;
      offset += piece.size();
      const std::lock_guard lock(mutex_);
      body_.append(piece.begin(), piece.end());
    }
  }

  std::optional<smp::Json> ask(int socket, std::size_t offset) {
    const smp::Json body = {{"name", "/meter/firmware"}, {"off", offset}};
    const std::vector<std::uint8_t> cbor = smp::Json::to_cbor(body);
    smp::Header header;
    header.group = smp::group::files;
    header.sequence = ++sequence_;
    header.command = smp::command::file_transfer;
    const std::string packet = smp::encode(
        header, std::string_view(reinterpret_cast<const char*>(cbor.data()), cbor.size()));
    for (int attempt = 0; attempt < most_attempts; ++attempt) {
      if (::send(socket, packet.data(), packet.size(), 0) < 0) return std::nullopt;
      pollfd readable{socket, POLLIN, 0};
      if (::poll(&readable, 1, answer_wait) <= 0) continue;
      std::array<std::byte, 4096> datagram{};
      const ssize_t size = ::recv(socket, datagram.data(), datagram.size(), 0);
      if (size <= 0) return std::nullopt;
      const auto answer = smp::decode(Bytes(datagram.data(), static_cast<std::size_t>(size)));
      if (answer && answer->header.sequence == sequence_) return answer->body;
    }
    return std::nullopt;
  }

  std::thread visit_;
  std::mutex mutex_;
  std::string body_;
  std::uint8_t sequence_ = 0;
};

}  // namespace

sockaddr_in loopback_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

sockaddr_in address_of(const std::string& listening) {
  return loopback_address(
      static_cast<std::uint16_t>(std::stoi(listening.substr(listening.find(':') + 1))));
}

std::unique_ptr<Visitor> udp_pull_visitor() {
  return std::make_unique<UdpPullVisitor>();
}

}  // namespace ferry::contract
