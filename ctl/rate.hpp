// How fast a transfer goes and how long it will take, from what was seen in the last seconds. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.hpp"

namespace ferry::ctl {

class RateEstimator {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  // What is done by now. Fewer bytes than before (begun afresh) forgets the past.
  void add(Moment now, std::uint64_t bytes_done);
  // Bytes a second over the last `window`; nothing before half a second was seen.
  std::optional<double> rate() const;
  // Nothing while the rate is unknown or zero.
  std::optional<Duration> time_left(std::uint64_t bytes_total) const;

 private:
  static constexpr std::chrono::seconds window{10};
  struct Sample {
    Moment at;
    std::uint64_t bytes;
  };
  std::deque<Sample> samples_;
};

}  // namespace ferry::ctl
