#include "tests/contract/far_end.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include <array>

namespace ferry::contract {

void FarEnd::plug(AgentEnd& agent, const std::string& name) {
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  master_ = Descriptor(master);
  ::fcntl(master, F_SETFD, FD_CLOEXEC);
  ::fcntl(slave, F_SETFD, FD_CLOEXEC);
  ::fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
  std::vector<Descriptor> descriptors;
  descriptors.emplace_back(slave);
  agent.send(messages::Port{name}, std::move(descriptors));
  const auto state = agent.expect<messages::LinkState>();
  ASSERT_TRUE(state);
  ASSERT_EQ(state->detail, "1 of 1 ports");
  ends_ = false;
  thread_ = std::thread([this] { listen(); });
}

void FarEnd::unplug() {
  ends_ = true;
  if (thread_.joinable()) thread_.join();
  master_ = Descriptor();
}

void FarEnd::say(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t count = ::write(master_.get(), text.data(), text.size());
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

void FarEnd::listen() {
  std::array<char, 4096> piece{};
  while (!ends_) {
    pollfd readable{master_.get(), POLLIN, 0};
    if (::poll(&readable, 1, 20) <= 0) continue;
    const ssize_t count = ::read(master_.get(), piece.data(), piece.size());
    if (count <= 0) return;  // the plugin has closed its end
    heard_(std::string_view(piece.data(), static_cast<std::size_t>(count)));
  }
}

}  // namespace ferry::contract
