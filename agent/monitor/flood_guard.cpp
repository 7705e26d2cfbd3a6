#include "agent/monitor/flood_guard.hpp"

#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace ferry::monitor {

// Stands between OpenSSL and its socket: libmosquitto reads on for as long as something comes, so
// that only from inside can it be stopped in the middle of a packet.
struct GuardedBio {
  static long called(BIO* bio, int operation, const char* /*data*/, std::size_t /*size*/,
                     int /*argument*/, long /*number*/, int result, std::size_t* processed) {
    auto* guard = reinterpret_cast<FloodGuard*>(BIO_get_callback_arg(bio));
    if (operation == (BIO_CB_READ | BIO_CB_RETURN) && result > 0 && processed != nullptr) {
      guard->count(*processed);
    }
    return operation == BIO_CB_READ && guard->beyond() ? -1 : result;
  }
};

void FloodGuard::watch(ssl_st* ssl) {
  if (ssl == nullptr) return;
  tls_ = true;
  BIO* bio = SSL_get_rbio(ssl);
  BIO_set_callback_arg(bio, reinterpret_cast<char*>(this));
  BIO_set_callback_ex(bio, &GuardedBio::called);
}

void FloodGuard::count(std::uint64_t bytes) {
  if (heard_) bytes_ = 0;
  heard_ = false;
  bytes_ += bytes;
}

Status FloodGuard::check(int descriptor) {
  if (tls_) return status();
  tcp_info info{};
  socklen_t size = sizeof info;
  int unread = 0;
  // A kernel that does not tell leaves it to the broker's good will.
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  if (size < offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) return {};
  if (::ioctl(descriptor, FIONREAD, &unread) != 0) return {};
  const std::uint64_t taken = info.tcpi_bytes_received - static_cast<std::uint64_t>(unread);
  count(taken > received_ ? taken - received_ : 0);
  received_ = taken;
  return status();
}

Status FloodGuard::status() const {
  if (!beyond()) return {};
  return fail(ErrorCode::too_large,
              fmt::format("sends more than {} KiB in one message", limit >> 10U));
}

}  // namespace ferry::monitor
