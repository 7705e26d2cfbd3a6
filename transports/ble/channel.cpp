#include "transports/ble/channel.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.hpp"
#include "transports/ble/socket_address.hpp"

namespace ferry::ble {
namespace {

constexpr int most_reads = 32;  // of one turn, then others have theirs
// What may lie in the kernel: enough that the link never runs dry while this process waits for its
// turn, little enough that what is written is on its way.
constexpr int kernel_buffer = 16 * 1024;

// A credit-based channel carries so many bytes at least (Core 5.3, volume 3, part A, 4.22).
constexpr std::uint16_t least_packet = 23;

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

Channel::Channel(loop::Loop& loop, ChannelUser& user)
    : loop_(loop), watch_(loop, *this), user_(&user) {}

Status Channel::connect(const Address& adapter, const Address& device) {
  Descriptor socket(
      ::socket(AF_BLUETOOTH, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, BTPROTO_L2CAP));
  if (!socket) return fail_errno(errno, "socket");
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &kernel_buffer, sizeof kernel_buffer);
  const sockaddr_l2 here = socket_address(adapter, attribute_channel);
  const sockaddr_l2 there = socket_address(device, attribute_channel);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) {
    return fail_errno(errno, "binding to the adapter");
  }
  const int begun =
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there);
  if (begun != 0 && errno != EINPROGRESS && !would_block(errno)) {
    return fail_errno(errno, "connecting");
  }
  if (!watch_.open(socket.release())) return fail(ErrorCode::io, "no room to watch the link");
  self_ = shared_from_this();
  watch_.wait_writable();
  return {};
}

bool Channel::adopt(int descriptor) {
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &kernel_buffer, sizeof kernel_buffer);
  if (!watch_.open(descriptor)) return false;
  self_ = shared_from_this();
  connected_ = true;
  watch_.wait_readable();
  return true;
}

std::size_t Channel::most_sent(int descriptor) {
  std::uint16_t most = 0;
  socklen_t size = sizeof most;
  ::getsockopt(descriptor, SOL_BLUETOOTH, BT_SNDMTU, &most, &size);
  return std::max(most, least_packet);
}

void Channel::close() {
  user_ = nullptr;
  watch_.close();
}

void Channel::released() {
  // Not destroyed from within the call of its own watch.
  loop_.post([self = std::move(self_)] {});
}

void Channel::hang_up(std::string_view why) {
  if (user_ != nullptr) std::exchange(user_, nullptr)->hung_up(why);
}

void Channel::writable() {
  if (user_ == nullptr) return;
  if (connected_) return user_->room();
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(watch_.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return hang_up(std::strerror(error));
  connected_ = true;
  watch_.wait_readable();
  user_->connected();
}

void Channel::readable() {
  std::array<std::byte, 1024> packet;  // longer ones than the Attribute Protocol has are cut
  for (int i = 0; i < most_reads && user_ != nullptr; ++i) {
    const ssize_t count = ::recv(watch_.descriptor(), packet.data(), packet.size(), 0);
    if (count > 0) {
      user_->received(Bytes(packet.data(), static_cast<std::size_t>(count)));
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && would_block(errno)) break;
    return hang_up(count == 0 ? "the device ended the link" : std::strerror(errno));
  }
  if (user_ != nullptr) watch_.wait_readable();
}

bool Channel::send(std::string_view packet) {
  if (user_ == nullptr || !connected_) return false;
  for (;;) {
    const ssize_t sent = ::send(watch_.descriptor(), packet.data(), packet.size(), MSG_NOSIGNAL);
    if (sent >= 0) return true;
    if (errno == EINTR) continue;
    break;
  }
  if (would_block(errno)) {
    watch_.wait_writable();
    return false;
  }
  // Not from within the user's own call.
  loop_.post(
      [self = shared_from_this(), why = std::string(std::strerror(errno))] { self->hang_up(why); });
  return false;
}

}  // namespace ferry::ble
