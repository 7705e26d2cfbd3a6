// misbehave: a plugin that does what its setting `how` says, once it listens. For tests alone.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "transport.hpp"

using ferry::plugin::Device;
using ferry::plugin::Host;

namespace {

void sleep_forever() {
  for (;;) ::pause();
}

class Misbehave : public ferry::plugin::Transport {
 public:
  explicit Misbehave(Host host) : host_(host), how_(host.setting("how").value_or("")) {
    if (how_ == "refuse settings") throw std::runtime_error("these settings make no sense");
    if (how_ == "hang in the entry") sleep_forever();
  }

  int run() override {
    if (how_ == "fail to listen") {
      host_.state("failed", "127.0.0.1:80: address already in use");
      return 1;
    }
    host_.state("listening", "nowhere");
    if (how_ == "crash") ::raise(SIGKILL);  // which no sanitizer catches
    if (how_ == "exit") ::_exit(7);
    if (how_ == "return") return 0;
    if (how_ == "hang") sleep_forever();
    if (how_ == "flood with messages") flood([this] { host_.device_seen(device_); });
    if (how_ == "flood with questions") {
      flood([this] { host_.offer(device_, {}, [](int, const auto*) {}); });
    }
    if (how_ == "write garbage") garbage();
    while (!stopped_ || how_ == "never stop")
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return 0;
  }
  void stop() override { stopped_ = true; }
  // A task runs where it is posted: this plugin has no loop of its own, and claims none.
  void post(std::function<void()> task) override {
    if (how_ != "hang") task();
  }

 private:
  template <typename Message>
  void flood(Message message) {
    while (!stopped_) message();
  }
  // The link is the only open descriptor above the standard streams that takes messages.
  void garbage() {
    const char packet[] = "\1\0\0\0\4\0\0\0{\"x\"";
    for (int fd = 3; fd < 16; ++fd) {
      [[maybe_unused]] const ssize_t written = ::write(fd, packet, sizeof packet - 1);
    }
  }

  Host host_;
  const std::string how_;
  const Device device_{"meter-1", "meter", "1.0.1", "nowhere", false};
  std::atomic<bool> stopped_ = false;
};

}  // namespace

FERRY_TRANSPORT(Misbehave)
