// How much a broker may send without completing a packet that means something. libmosquitto takes
// packets of up to 256 MiB into memory, and keeps messages of QoS 2 for as long as their sender
// likes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.hpp"

struct ssl_st;

namespace ferry::monitor {

// Belongs to the monitor's thread.
class FloodGuard {
 public:
  // Bytes without a packet that was understood; beyond it the connection is to be ended.
  static constexpr std::uint64_t limit = 128U << 10U;

  // From now on TLS hands no more than the limit on. `ssl` must not outlive the guard, and the
  // guard must not move.
  void watch(ssl_st* ssl);
  // A packet came to its end.
  void heard() { heard_ = true; }
  // For a connection without TLS: to be called between reads.
  Status check(int descriptor);
  Status status() const;

 private:
  void count(std::uint64_t bytes);
  bool beyond() const { return bytes_ > limit; }

  std::uint64_t bytes_ = 0;
  std::uint64_t received_ = 0;  // without TLS: as of the last check
  bool heard_ = false;
  bool tls_ = false;

  friend struct GuardedBio;
};

}  // namespace ferry::monitor
