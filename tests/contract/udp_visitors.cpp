#include "tests/contract/udp_visitors.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <mutex>
#include <thread>

#include "tests/contract/smp_fetch.hpp"

namespace ferry::contract {
namespace {

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
    fetch_file(socket.get(), [this](std::string_view piece) {
      const std::lock_guard lock(mutex_);
      body_ += piece;
    });
  }

  std::thread visit_;
  std::mutex mutex_;
  std::string body_;
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
