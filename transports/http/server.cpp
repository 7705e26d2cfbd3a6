#include "transports/http/server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/file.hpp"

namespace ferry::http {
namespace {

constexpr int backlog = 256;
constexpr int accepts_a_turn = 16;
// Bytes that the kernel holds of an answer beyond what is on its way: what a slow reader costs.
constexpr int kernel_share = 128 * 1024;

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_storage storage;
};

Result<socklen_t> parse_address(const Settings& settings, Address& address) {
  std::memset(&address, 0, sizeof address);
  if (inet_pton(AF_INET, settings.address.c_str(), &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(settings.port);
    return static_cast<socklen_t>(sizeof address.v4);
  }
  if (inet_pton(AF_INET6, settings.address.c_str(), &address.v6.sin6_addr) == 1) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(settings.port);
    return static_cast<socklen_t>(sizeof address.v6);
  }
  return fail(ErrorCode::invalid,
              fmt::format("listen: '{}' is not a numeric address", settings.address));
}

// The address as people write it; one of IPv4 that came over IPv6 is IPv4 again.
std::string_view address_text(const Address& address, std::array<char, INET6_ADDRSTRLEN>& text) {
  const void* raw = &address.v4.sin_addr;
  int family = AF_INET;
  if (address.any.sa_family == AF_INET6) {
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr);
    raw = mapped ? static_cast<const void*>(&address.v6.sin6_addr.s6_addr[12])
                 : static_cast<const void*>(&address.v6.sin6_addr);
    family = mapped ? AF_INET : AF_INET6;
  }
  const char* written = inet_ntop(family, raw, text.data(), static_cast<socklen_t>(text.size()));
  return written == nullptr ? "unknown" : written;
}

void set(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof value);
}

// Connections inherit all of these: nothing is left to be set for each of them.
void configure(int socket) {
  set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kernel_share);
  const linger reset_on_close{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset_on_close, sizeof reset_on_close);
}

}  // namespace

Server::Server(Loop& loop, Service& service)
    : loop_(loop), service_(service), listener_(loop, *this) {
  loop_.on_tick([this] { tick(); });
}

Server::~Server() = default;

Result<std::string> Server::listen() {
  const Settings& settings = service_.settings;
  Address address;
  const auto size = parse_address(settings, address);
  if (!size) return fail(size.error());
  const std::string where = fmt::format("listen {}:{}", settings.address, settings.port);
  Descriptor socket(::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno(errno, where);
  configure(socket.get());
  if (bind(socket.get(), &address.any, *size) != 0 || ::listen(socket.get(), backlog) != 0) {
    return fail_errno(errno, where);
  }
  socklen_t length = sizeof address;
  if (getsockname(socket.get(), &address.any, &length) != 0) return fail_errno(errno, where);
  port_ = ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
  if (!listener_.open(socket.release())) return fail_errno(ENOMEM, where);
  listener_.wait_readable();
  const bool v6 = address.any.sa_family == AF_INET6;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", settings.address, v6 ? "]" : "", port_);
}

void Server::accept() {
  for (int turn = 0; turn < accepts_a_turn; ++turn) {
    if (!accept_one()) return;
  }
  listener_.wait_readable();
}

// False when there is nobody left to accept, or no room.
bool Server::accept_one() {
  Connection* connection = spare();
  if (connection == nullptr) {
    pause();
    return false;
  }
  Address address;
  socklen_t size = sizeof address;
  const int socket =
      accept4(listener_.descriptor(), &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket < 0) {
    const bool nobody = errno == EAGAIN || errno == EWOULDBLOCK;
    const bool gone_again = errno == ECONNABORTED || errno == EINTR || errno == EPROTO;
    if (nobody || gone_again) {
      listener_.wait_readable();
    } else {
      pause();  // no descriptors or no memory left
    }
    return false;
  }
  spare_.pop_back();
  std::array<char, INET6_ADDRSTRLEN> text{};
  connection->open(socket, address_text(address, text), port_);
  arm();
  return true;
}

// True when somebody waits to be accepted.
bool Server::knocking() const {
  pollfd listener{listener_.descriptor(), POLLIN, 0};
  return poll(&listener, 1, 0) > 0;
}

// A connection to be opened. When there is none left, and somebody knocks, the one that has been
// idle for longest is closed.
Connection* Server::spare() {
  if (spare_.empty() && connections_.size() < service_.settings.max_connections) {
    Owner& owner = *this;
    connections_.push_back(std::make_unique<Connection>(loop_, service_, owner));
    spare_.push_back(connections_.back().get());
  }
  if (spare_.empty() && knocking()) {
    Connection* longest = nullptr;
    for (const auto& connection : connections_) {
      if (!connection->idle()) continue;
      if (longest == nullptr || connection->since() < longest->since()) longest = connection.get();
    }
    if (longest != nullptr) longest->close_idle();
  }
  return spare_.empty() ? nullptr : spare_.back();
}

// Those who knock wait in the kernel's queue until a connection has ended.
void Server::pause() {
  paused_ = true;
  arm();
}

void Server::closed(Connection& connection) {
  spare_.push_back(&connection);
  if (paused_ && listener_.descriptor() >= 0) {
    paused_ = false;
    listener_.wait_readable();
  }
}

void Server::tick() {
  armed_ = false;
  const Moment now = std::chrono::steady_clock::now();
  for (const auto& connection : connections_) connection->tick(now);
  if (paused_ && listener_.descriptor() >= 0) {
    paused_ = false;
    listener_.wait_readable();
  }
  if (spare_.size() < connections_.size()) arm();
}

Duration Server::tick_period() const {
  const Duration shortest =
      std::min(service_.settings.header_timeout, service_.settings.idle_timeout);
  return std::clamp<Duration>(shortest / 4, std::chrono::milliseconds(20),
                              std::chrono::milliseconds(250));
}

void Server::arm() {
  if (armed_) return;
  armed_ = true;
  loop_.tick_in(tick_period());
}

void Server::close() {
  listener_.close();
  for (const auto& connection : connections_) connection->abandon();
}

}  // namespace ferry::http
