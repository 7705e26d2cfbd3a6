// How much a broker may send without completing a packet that means something. libmosquitto takes
// packets of up to 256 MiB into memory, and keeps messages of QoS 2 for as long as their sender
// likes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.hpp"

struct ssl_st;

namespace ferry::mqtt {

// Belongs to its connection's thread.
class FloodGuard {
 public:
  // Bytes without a packet that was understood; beyond it the connection is to be ended.
  static constexpr std::uint64_t limit = 128U << 10U;

  // Of a connection; `ssl` is null when it has no TLS. From now on TLS hands no more than the limit
  // on. `ssl` must not outlive the guard, and the guard must not move.
  void watch(ssl_st* ssl, int descriptor);
  // A packet came to its end.
  void heard();
  // To be called between reads.
  Status check();
  Status status() const;

 private:
  void count(std::uint64_t bytes);
  std::uint64_t taken() const;
  bool beyond() const { return bytes_ > limit; }

  std::uint64_t bytes_ = 0;
  std::uint64_t received_ = 0;  // without TLS: as of the last check
  bool heard_ = false;
  bool tls_ = false;
  int descriptor_ = -1;

  friend struct GuardedBio;
};

}  // namespace ferry::mqtt
