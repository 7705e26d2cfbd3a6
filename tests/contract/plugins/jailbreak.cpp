// jailbreak: tries everything in attempts.hpp, and tells what came of it by its state: the
// attempt's name and errno. For tests alone.
#include <linux/serial.h>
#include <termios.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/contract/attempts.hpp"
#include "transport.hpp"

using ferry::contract::Attempt;
using ferry::contract::Surroundings;
using ferry::plugin::Host;

namespace {

// Runs while the plugin is being loaded.
const int read_by_constructor = ferry::contract::attempts::read_one("/etc/passwd");
const int forked_by_constructor = ferry::contract::attempts::fork_child({});

class Jailbreak : public ferry::plugin::Transport {
 public:
  explicit Jailbreak(Host host) : host_(host) {
    around_.catalog = setting("catalog");
    around_.key = setting("key");
    around_.pack = setting("pack");
    around_.spare_pack = setting("spare_pack");
    around_.packs_folder = setting("packs_folder");
    around_.control_socket = setting("control_socket");
    around_.terminal = setting("terminal");
    around_.tcp_port = std::stoi(setting("tcp_port"));
    around_.bystander = std::stoi(setting("bystander"));
  }

  int run() override {
    for (const Attempt& attempt : ferry::contract::all_attempts()) {
      host_.state(attempt.name, std::to_string(attempt.run(around_)));
    }
    host_.state("read by a constructor", std::to_string(read_by_constructor));
    host_.state("fork by a constructor", std::to_string(forked_by_constructor));
    // What transports need to do must still work.
    host_.state("listen", std::to_string(listen_on_tcp()));
    host_.state("connect at all", std::to_string(ferry::contract::attempts::connect_at_all()));
    host_.state("bluetooth", std::to_string(ferry::contract::attempts::bluetooth_socket()));
    host_.state("read a pack", std::to_string(ferry::contract::attempts::read_one(around_.pack)));
    while (!stopped_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return 0;
  }
  void stop() override { stopped_ = true; }
  void post(std::function<void()> task) override { task(); }

  // What a transport does with a line that it was given, and what none should.
  void port(const std::string&, int descriptor) override {
    using ferry::contract::attempts::result;
    const auto tell = [this](const char* what, int error) {
      host_.state(std::string("port: ") + what, std::to_string(error));
    };
    termios modes{};
    int unsent = 0;
    serial_rs485 direction{};
    char key = 'x';
    ::tcgetattr(descriptor, &modes);
    ::cfmakeraw(&modes);
    tell("set its modes", result(::tcsetattr(descriptor, TCSANOW, &modes)));
    tell("ask what is unsent", result(::ioctl(descriptor, TIOCOUTQ, &unsent)));
    tell("drive its transceiver", result(::ioctl(descriptor, TIOCSRS485, &direction)));
    tell("write", result(::write(descriptor, "hello", 5)));
    tell("type", result(::ioctl(descriptor, TIOCSTI, &key)));
    ::close(descriptor);
    tell("end", 0);
  }

 private:
  std::string setting(const std::string& key) const { return host_.setting(key).value_or("0"); }

  static int listen_on_tcp() {
    const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) return errno;
    const int error = ::listen(fd, 1) < 0 ? errno : 0;
    ::close(fd);
    return error;
  }

  Host host_;
  Surroundings around_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace

FERRY_TRANSPORT(Jailbreak)
