// The place that the tests of the jail try to break out into.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "tests/contract/attempts.hpp"
#include "tests/contract/harness.hpp"

namespace ferry::contract {

// What stands around the jail: a store, a control socket, an open port, a process in the agent's
// place.
class World {
 public:
  World() : artifact_(packs_.add("one.pack", firmware(10'000))) {
    around.catalog = make_file("catalog.db");
    make_file("catalog.db-wal");
    around.key = make_file("cloud.key");
    around.pack = packs_.file(artifact_.pack);
    around.spare_pack = make_file("packs/spare.pack");
    around.packs_folder = packs_.folder();
    around.control_socket = packs_.store() / "control";
    listen_unix();
    listen_tcp();
    open_terminal();
    around.bystander = ::fork();
    if (around.bystander == 0) {
      for (;;) ::pause();
    }
  }
  ~World() {
    ::kill(around.bystander, SIGKILL);
    ::waitpid(around.bystander, nullptr, 0);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::map<std::string, std::string> settings() const {
    return {{"catalog", around.catalog},
            {"key", around.key},
            {"pack", around.pack},
            {"spare_pack", around.spare_pack},
            {"packs_folder", around.packs_folder},
            {"control_socket", around.control_socket},
            {"terminal", around.terminal},
            {"tcp_port", std::to_string(around.tcp_port)},
            {"bystander", std::to_string(around.bystander)}};
  }

  // The end of the terminal that a plugin is given, and what the other end says.
  Descriptor port() {
    const int slave = ::open(around.terminal.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    return Descriptor(slave);
  }
  std::string heard() const {
    std::array<char, 64> text{};
    const ssize_t count = ::read(terminal_.get(), text.data(), text.size());
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }

  Surroundings around;

 private:
  std::string make_file(const std::string& name) {
    const auto path = packs_.store() / name;
    std::ofstream(path) << std::string(8192, 'x');
    return path;
  }
  void listen_unix() {
    unix_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    around.control_socket.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(unix_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(unix_.get(), 8), 0);
  }
  void listen_tcp() {
    tcp_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(tcp_.get(), 8), 0);
    socklen_t length = sizeof address;
    ::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    around.tcp_port = ntohs(address.sin_port);
  }

  void open_terminal() {
    terminal_ = Descriptor(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_EQ(::grantpt(terminal_.get()), 0);
    ASSERT_EQ(::unlockpt(terminal_.get()), 0);
    std::array<char, 64> name{};
    ASSERT_EQ(::ptsname_r(terminal_.get(), name.data(), name.size()), 0);
    around.terminal = name.data();
  }

  Packs packs_;
  messages::ServableArtifact artifact_;
  Descriptor terminal_;
  Descriptor unix_;
  Descriptor tcp_;
};

}  // namespace ferry::contract
