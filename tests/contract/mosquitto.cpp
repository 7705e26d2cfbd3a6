#include "tests/contract/mosquitto.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/contract/udp_visitors.hpp"

namespace ferry::contract {
namespace {

Descriptor tcp_socket() {
  return Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

std::uint16_t free_port() {
  const Descriptor socket = tcp_socket();
  sockaddr_in address = loopback_address(0);
  socklen_t size = sizeof address;
  ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

bool listens(std::uint16_t port) {
  const Descriptor socket = tcp_socket();
  const sockaddr_in address = loopback_address(port);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

[[noreturn]] void run_mosquitto(const char* configuration) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (const int output : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(nowhere, output);
  ::execl(mosquitto_program, mosquitto_program, "-c", configuration, nullptr);
  ::_exit(127);
}

}  // namespace

Mosquitto::Mosquitto() : port_(free_port()) {
  const std::string configuration = (folder_.path() / "mosquitto.conf").string();
  std::ofstream(configuration) << (::geteuid() == 0 ? "user root\n" : "") << "listener " << port_
                               << " 127.0.0.1\nallow_anonymous true\npersistence false\n";
  process_ = ::fork();
  if (process_ == 0) run_mosquitto(configuration.c_str());
  EXPECT_TRUE(eventually([this] { return listens(port_); })) << "mosquitto does not start";
}

Mosquitto::~Mosquitto() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

}  // namespace ferry::contract
