#include "ctl/rate.hpp"

namespace ferry::ctl {

void RateEstimator::add(Moment now, std::uint64_t bytes_done) {
  if (!samples_.empty() && bytes_done < samples_.back().bytes) samples_.clear();
  // One sample stays from before the window: it bounds it.
  while (samples_.size() >= 2 && now - samples_[1].at >= window) samples_.pop_front();
  samples_.push_back({now, bytes_done});
}

std::optional<double> RateEstimator::rate() const {
  if (samples_.empty()) return std::nullopt;
  const std::chrono::duration<double> seen = samples_.back().at - samples_.front().at;
  if (seen < std::chrono::milliseconds(500)) return std::nullopt;
  return static_cast<double>(samples_.back().bytes - samples_.front().bytes) / seen.count();
}

std::optional<Duration> RateEstimator::time_left(std::uint64_t bytes_total) const {
  const auto speed = rate();
  if (!speed || *speed < 1) return std::nullopt;
  const std::uint64_t done = samples_.back().bytes;
  const auto missing = static_cast<double>(bytes_total > done ? bytes_total - done : 0);
  return Duration(static_cast<std::int64_t>(missing / *speed * 1000));
}

}  // namespace ferry::ctl
