// Loads an HTTP server with range requests and counts: one thread, plain sockets and epoll, so that
// it costs little beside the server that is measured.
//
//   http_load PORT PATH SIZE PIECE keep|close CONNECTIONS SECONDS
//
// Each connection asks for PIECE bytes at a random multiple of PIECE below SIZE, reads the answer
// and asks again: on the same connection (keep) or on a new one (close). Prints one JSON object.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Plan {
  std::uint16_t port = 0;
  std::string path;
  std::uint64_t size = 0;
  std::uint64_t piece = 0;
  bool keep = false;
};

struct Count {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  std::uint64_t errors = 0;
};

class Client {
 public:
  Client(const Plan& plan, Count& count, int epoll, std::uint64_t seed)
      : plan_(plan), count_(count), epoll_(epoll), random_(seed) {}
  ~Client() { drop(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void ask() {
    if (socket_ < 0) connect();
    const std::uint64_t first = random_() % (plan_.size / plan_.piece) * plan_.piece;
    const std::string request = fmt::format(
        "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes={}-{}\r\n{}\r\n", plan_.path, first,
        first + plan_.piece - 1, plan_.keep ? "" : "Connection: close\r\n");
    head_.clear();
    left_ = 0;
    if (send(socket_, request.data(), request.size(), MSG_NOSIGNAL) < 0) fail();
  }

  void readable() {
    std::array<char, 128 * 1024> buffer;
    const ssize_t got = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return fail();
    std::string_view data(buffer.data(), static_cast<std::size_t>(got));
    if (left_ == 0 && !take_head(data)) return;
    left_ -= std::min<std::uint64_t>(left_, data.size());
    if (left_ == 0) finish();
  }

 private:
  void connect() {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(plan_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      fmt::print(stderr, "http_load: port {} does not answer\n", plan_.port);
      std::exit(1);
    }
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_, &event);
  }
  void drop() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }
  void fail() {
    ++count_.errors;
    drop();
    ask();
  }

  // Leaves in `data` what belongs to the body; false when the header is not whole yet.
  bool take_head(std::string_view& data) {
    const std::size_t before = head_.size();
    head_ += data;
    const std::size_t end = head_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::size_t length = head_.find("Content-Length: ");
    if (!head_.starts_with("HTTP/1.1 206") || length == std::string::npos) {
      fmt::print(stderr, "http_load: unexpected answer:\n{}\n", head_.substr(0, end));
      std::exit(1);
    }
    left_ = std::strtoull(head_.c_str() + length + 16, nullptr, 10);
    data.remove_prefix(end + 4 - before);
    return true;
  }

  void finish() {
    ++count_.requests;
    count_.bytes += plan_.piece;
    if (!plan_.keep) drop();
    ask();
  }

  const Plan& plan_;
  Count& count_;
  int epoll_;
  std::minstd_rand random_;
  int socket_ = -1;
  std::string head_;
  std::uint64_t left_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    fmt::print(stderr, "usage: http_load PORT PATH SIZE PIECE keep|close CONNECTIONS SECONDS\n");
    return 2;
  }
  Plan plan;
  plan.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  plan.path = argv[2];
  plan.size = std::strtoull(argv[3], nullptr, 10);
  plan.piece = std::strtoull(argv[4], nullptr, 10);
  plan.keep = std::string_view(argv[5]) == "keep";
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  Count count;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < std::atoi(argv[6]); ++i) {
    clients.push_back(std::make_unique<Client>(plan, count, epoll, 1 + i));
    clients.back()->ask();
  }
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration<double>(std::atof(argv[7]));
  std::array<epoll_event, 64> events{};
  while (Clock::now() < end) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1000);
    for (int i = 0; i < ready; ++i) {
      static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr)->readable();
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  fmt::print("{{\"requests\": {}, \"bytes\": {}, \"errors\": {}, \"seconds\": {:.4f}}}\n",
             count.requests, count.bytes, count.errors, seconds);
}
