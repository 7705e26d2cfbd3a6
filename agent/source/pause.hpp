// The wait between two attempts of a source that nothing wakes but the clock and a stop.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "base/clock.hpp"

namespace ferry::source {

class Pause {
 public:
  // Always false: nothing but a stop ends it early. As Source::wait().
  bool wait(const std::stop_token& stop, Duration longest) {
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, stop, longest, [] { return false; });
    return false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any ended_;
};

}  // namespace ferry::source
