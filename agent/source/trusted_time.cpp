#include "agent/source/trusted_time.hpp"

#include <algorithm>

namespace ferry::source {
namespace {

constexpr Duration worth_keeping = std::chrono::hours(1);

}  // namespace

bool TimeFloor::raise(Time told, Time until, std::chrono::steady_clock::time_point now) {
  if (told <= floor_ || told > until) return false;
  if (told <= floor_ + longest_step) {
    floor_ = told;
    return true;
  }
  if (stepped_ && now - *stepped_ < between_steps) return false;
  stepped_ = now;
  floor_ += longest_step;
  return true;
}

TrustedTime::TrustedTime(const Clock& clock, Time kept, std::function<void(Time)> keep)
    : clock_(clock), keep_(std::move(keep)), floor_(build_time(), kept), kept_(floor_.value()) {}

Time TrustedTime::now() const {
  const std::lock_guard lock(mutex_);
  return floor_.judge(clock_.now());
}

Time TrustedTime::floor() const {
  const std::lock_guard lock(mutex_);
  return floor_.value();
}

bool TrustedTime::clock_is_behind() const {
  const std::lock_guard lock(mutex_);
  return floor_.is_ahead_of(clock_.now());
}

void TrustedTime::raise(Time told, Time until) {
  Time worth{};
  {
    const std::lock_guard lock(mutex_);
    if (!floor_.raise(told, until, clock_.steady())) return;
    if (floor_.value() - kept_ < worth_keeping) return;
    worth = kept_ = floor_.value();
  }
  if (keep_) keep_(worth);
}

}  // namespace ferry::source
