// How fast waiting events go out. Pure.
#pragma once

#include <algorithm>
#include <chrono>

#include "agent/monitor/latest.hpp"

namespace ferry::monitor {

// So many a second, in groups: who looks rarely may send at once what was due meanwhile, but never
// more than a group. Not thread-safe.
class Pace {
 public:
  Pace(unsigned per_second, unsigned group)
      : each_(std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second),
        group_(each_ * group) {}

  // One more may go now.
  bool ready(Steady now) const { return due_ <= now; }
  void sent(Steady now) { due_ = std::max(due_, now - group_ + each_) + each_; }
  // After the last of a group: when half of the next may go. To wake for each alone would cost more
  // than to send it.
  Steady next() const { return due_ + group_ / 2; }

 private:
  const std::chrono::nanoseconds each_;
  const std::chrono::nanoseconds group_;
  Steady due_{};  // of the next
};

}  // namespace ferry::monitor
