// How long to wait for an acknowledgement that does not say which of several like packets it is of
// (RFC 6298, with Karn's rule). Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace ferry::udp {

class RetransmissionTimer {
 public:
  using Milliseconds = std::chrono::milliseconds;

  RetransmissionTimer(Milliseconds first, Milliseconds least, Milliseconds most)
      : least_(least), most_(most), wait_(std::clamp(first, least, most)) {}

  Milliseconds wait() const { return wait_; }
  // The round trip of a packet that was sent once. Of others nobody knows it: they leave the time
  // that was waited last in force.
  void measured(Milliseconds time) {
    if (smooth_ < Milliseconds(0)) {
      smooth_ = time;
      variation_ = time / 2;
    } else {
      variation_ = (3 * variation_ + std::chrono::abs(smooth_ - time)) / 4;
      smooth_ = (7 * smooth_ + time) / 8;
    }
    wait_ = std::clamp(smooth_ + std::max(4 * variation_, Milliseconds(10)), least_, most_);
  }
  void expired() { wait_ = std::min(2 * wait_, most_); }

 private:
  const Milliseconds least_;
  const Milliseconds most_;
  Milliseconds wait_;
  Milliseconds smooth_{-1};
  Milliseconds variation_{0};
};

}  // namespace ferry::udp
