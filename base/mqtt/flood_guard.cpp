#include "base/mqtt/flood_guard.hpp"

#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace ferry::mqtt {

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

void FloodGuard::watch(ssl_st* ssl, int descriptor) {
  descriptor_ = descriptor;
  if (ssl == nullptr) return;
  tls_ = true;
  BIO* bio = SSL_get_rbio(ssl);
  BIO_set_callback_arg(bio, reinterpret_cast<char*>(this));
  BIO_set_callback_ex(bio, &GuardedBio::called);
}

void FloodGuard::heard() {
  heard_ = true;
  // libmosquitto may read many packets in one go: each begins the count anew.
  if (!tls_) received_ = std::max(received_, taken());
}

void FloodGuard::count(std::uint64_t bytes) {
  if (heard_) bytes_ = 0;
  heard_ = false;
  bytes_ += bytes;
}

// Bytes that were taken from the socket. What arrives between the two calls makes it less than it
// is, never more, so that only what goes beyond the highest so far counts. A kernel that does not
// tell leaves it to the broker's good will.
std::uint64_t FloodGuard::taken() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  int unread = 0;
  if (::getsockopt(descriptor_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  if (size < offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) return 0;
  if (::ioctl(descriptor_, FIONREAD, &unread) != 0) return 0;
  const auto left = static_cast<std::uint64_t>(unread);
  return info.tcpi_bytes_received - std::min<std::uint64_t>(left, info.tcpi_bytes_received);
}

Status FloodGuard::check() {
  if (tls_) return status();
  const std::uint64_t now = std::max(received_, taken());
  count(now - received_);
  received_ = now;
  return status();
}

Status FloodGuard::status() const {
  if (!beyond()) return {};
  return fail(ErrorCode::too_large,
              fmt::format("sends more than {} KiB in one message", limit >> 10U));
}

}  // namespace ferry::mqtt
