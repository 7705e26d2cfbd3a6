#include "transports/ble/key_watch.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace ferry::ble {
namespace {

// Between two calls of forget(): more are paired by nobody here.
constexpr std::size_t most_keys = 64;

}  // namespace

bool KeyWatch::open(int management) {
  if (!socket_.open(management)) return false;
  socket_.wait_readable();
  return true;
}

void KeyWatch::forget() {
  drain();
  keys_.clear();
}

std::optional<KeyKind> KeyWatch::key(std::uint16_t adapter, const Address& device) {
  drain();
  const auto found = keys_.find({adapter, device.bytes});
  return found == keys_.end() ? std::nullopt : std::optional(found->second);
}

void KeyWatch::readable() {
  drain();
  if (is_open()) socket_.wait_readable();
}

void KeyWatch::drain() {
  static thread_local std::array<std::byte, mgmt::longest> packet;
  while (is_open()) {
    const ssize_t count = ::recv(socket_.descriptor(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    const auto size = static_cast<std::size_t>(count);
    const auto event = mgmt::parse(Bytes(packet.data(), size));
    const auto* made = event ? std::get_if<mgmt::NewKey>(&event->what) : nullptr;
    if (made != nullptr && keys_.size() < most_keys) {
      keys_[{event->adapter, made->device.bytes}] = made->kind;
    }
  }
}

}  // namespace ferry::ble
