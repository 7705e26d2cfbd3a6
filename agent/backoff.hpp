// How long to wait before a process that ended is started again. Pure.
#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace ferry::agent {

class Backoff {
 public:
  // Whoever ran for so long is healthy, and its next end is a new trouble.
  static constexpr Duration healthy = std::chrono::minutes(1);

  Backoff(Duration first, Duration last) : first_(first), last_(last), next_(first) {}

  void ran_for(Duration uptime) {
    if (uptime >= healthy) next_ = first_;
  }
  // The pause before the next start: doubled each time, up to the last.
  Duration next() {
    const Duration pause = next_;
    next_ = std::min(next_ * 2, last_);
    return pause;
  }

 private:
  Duration first_;
  Duration last_;
  Duration next_;
};

}  // namespace ferry::agent
