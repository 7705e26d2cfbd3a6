// What time it is at least, on a gateway whose clock starts at 1970 after each power cut. The rules
// are a class of their own, without clock and store.
#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "base/clock.hpp"

namespace ferry::source {

// When this build was made: no certificate of use and no metadata ended before.
Time build_time();

// The newest time that was trusted. Never goes down. Pure.
class TimeFloor {
 public:
  // A server that lies about the time, with a good certificate, gets no further at once...
  static constexpr Duration longest_step = std::chrono::hours(24 * 30);
  // ...and takes the next step no sooner.
  static constexpr Duration between_steps = std::chrono::hours(1);

  // `kept` is what an earlier run left, 0 nothing.
  TimeFloor(Time built, Time kept) : floor_(std::max(built, kept)) {}

  Time value() const { return floor_; }
  // The time to judge by: the system's, but never one before the floor.
  Time judge(Time system) const { return std::max(system, floor_); }
  bool is_ahead_of(Time system) const { return system < floor_; }
  // `told` by somebody whose word counts until `until`, such as the end of his certificate: nobody
  // can put a gateway beyond the time at which he would not be believed himself. Gives whether the
  // floor rose.
  bool raise(Time told, Time until, std::chrono::steady_clock::time_point now);

 private:
  Time floor_;
  std::optional<std::chrono::steady_clock::time_point> stepped_;  // when it was held back last
};

// The floor of this gateway, with its clock. Thread-safe.
class TrustedTime {
 public:
  // `keep` writes the floor where the next run finds it, on the thread that raised it; now and
  // then, since it is flash that wears. `clock` outlives it.
  TrustedTime(const Clock& clock, Time kept, std::function<void(Time)> keep);

  // The time by which certificates and metadata are judged.
  Time now() const;
  Time floor() const;
  // The clock reads less than the floor: it was not set since power came, or went wrong.
  bool clock_is_behind() const;
  void raise(Time told, Time until);

 private:
  const Clock& clock_;
  const std::function<void(Time)> keep_;
  mutable std::mutex mutex_;
  TimeFloor floor_;
  Time kept_;
};

}  // namespace ferry::source
