#include "tests/contract/transports.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <thread>

#include "tests/contract/ble_visitor.hpp"
#include "tests/contract/mqtt_visitor.hpp"
#include "tests/contract/serial_visitors.hpp"
#include "tests/contract/udp_visitors.hpp"

namespace ferry::contract {
namespace {

// loopback's device lives inside it: it asks when it starts, and whenever the catalog has changed.
class LoopbackVisitor final : public Visitor {
 public:
  void come_by(AgentEnd& agent, const std::string&, bool changed) override {
    if (!first_ && !changed) agent.send(messages::Changed{});
    first_ = false;
  }

 private:
  bool first_ = true;
};

// A device of the plain dialect: fetches its firmware once, on a thread of its own.
class HttpVisitor final : public Visitor {
 public:
  ~HttpVisitor() override { HttpVisitor::leave(); }
  void come_by(AgentEnd&, const std::string& listening, bool) override {
    leave();
    body_.clear();
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
    const std::size_t colon = listening.rfind(':');
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(listening.substr(colon + 1))));
    ::inet_pton(AF_INET, listening.substr(0, colon).c_str(), &address.sin_addr);
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::string request =
        "GET /meter/firmware HTTP/1.1\r\nHost: ferry\r\nConnection: close\r\n\r\n";
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) {
      return;
    }
    std::string answer;
    std::array<char, 4096> piece{};
    ssize_t size = 0;
    while ((size = ::read(socket.get(), piece.data(), piece.size())) > 0) {
      answer.append(piece.data(), static_cast<std::size_t>(size));
    }
    const std::size_t end = answer.find("\r\n\r\n");
    const std::lock_guard lock(mutex_);
    body_ = end == answer.npos ? "" : answer.substr(end + 4);
  }

  std::thread visit_;
  std::mutex mutex_;
  std::string body_;
};

template <typename Kind>
std::unique_ptr<Visitor> make() {
  return std::make_unique<Kind>();
}

std::vector<TransportCase> on_every_machine() {
  return {
      {"loopback",
       "loopback",
       {{"device", "meter-1"}, {"product", "meter"}, {"version", "1.0.1"}},
       {{"name", "meter"}, {"dialect", "plain"}},
       make<LoopbackVisitor>,
       true},
      {"http",
       "http",
       {{"listen", "127.0.0.1:0"}, {"product", "meter"}},
       {{"name", "meter"},
        {"dialect", "plain"},
        {"match_path", "/meter"},
        {"device_id", "address"}},
       make<HttpVisitor>},
      {"serial_raw",
       "serial",
       {{"port", "/dev/serial/by-id/*"},
        {"dialect", "raw"},
        {"baud", "40000000"},
        {"trigger", "send image"},
        {"product", "meter"}},
       {{"name", "meter"}, {"dialect", "plain"}},
       raw_visitor,
       true},
      {"serial_pull",
       "serial",
       {{"port", "/dev/serial/by-id/*"},
        {"dialect", "pull"},
        {"baud", "40000000"},
        {"product", "meter"}},
       {{"name", "meter"},
        {"dialect", "plain"},
        {"match_path", "/meter"},
        {"device_id", "address"}},
       pull_visitor},
      {"udp_pull",
       "udp",
       {{"listen", "127.0.0.1:0"}, {"dialect", "pull"}, {"product", "meter"}},
       {{"name", "meter"},
        {"dialect", "plain"},
        {"match_path", "/meter"},
        {"device_id", "address"}},
       udp_pull_visitor},
  };
}

}  // namespace

const std::vector<TransportCase>& transports() {
  static const std::vector<TransportCase> all = [] {
    std::vector<TransportCase> cases = on_every_machine();
    if (has_broker()) cases.push_back(mqtt_case());
    if (has_bluetooth()) cases.push_back(ble_pull_case());
    return cases;
  }();
  return all;
}

}  // namespace ferry::contract
