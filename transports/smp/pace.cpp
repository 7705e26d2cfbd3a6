#include "transports/smp/pace.hpp"

#include <algorithm>
#include <cmath>

namespace ferry::smp {
namespace {

constexpr std::size_t least_packet = 64;  // bytes; below that little but overhead is sent
constexpr unsigned first_patience = 24;   // packets
constexpr unsigned most_patience = 768;
constexpr unsigned gap_distance = 12;  // packets; gaps closer than that are no accident

}  // namespace

Pace::Pace(const ClientOptions& options, const Parameters& parameters, int down)
    : patience_(first_patience), since_gap_(gap_distance) {
  const auto fit = [&](std::size_t limit) {
    return options.fit == nullptr ? limit : options.fit(limit);
  };
  const std::uint64_t buffer =
      std::max<std::uint64_t>(parameters.buffer_size, least_packet + options.framing);
  std::size_t packet = static_cast<std::size_t>(
      std::min<std::uint64_t>(buffer - options.framing, options.packet_limit));
  packet = std::max(fit(packet), std::size_t{1});
  // One buffer is being filled and one being worked on; what comes beyond is dropped in silence.
  const std::uint64_t buffers = parameters.buffer_count > 2 ? parameters.buffer_count - 2 : 1;
  std::size_t window = static_cast<std::size_t>(
      std::min<std::uint64_t>(buffers, std::max<std::size_t>(1, options.window_limit)));
  for (; window > 1; window /= 2) ladder_.push_back({window, packet});
  while (true) {
    ladder_.push_back({1, packet});
    const std::size_t smaller = fit(packet / 4 * 3);
    if (smaller < least_packet || smaller >= packet) break;
    packet = smaller;
  }
  at_ = std::min(static_cast<std::size_t>(std::max(down, 0)), ladder_.size() - 1);
}

void Pace::accepted() {
  since_gap_ = std::min(since_gap_ + 1, most_patience);
  if (at_ == 0 && !on_trial_) return;
  if (++run_ < patience_) return;
  run_ = 0;
  // The step that was tried has held.
  if (on_trial_) patience_ = std::max(first_patience, patience_ / 2);
  on_trial_ = at_ > 0;
  if (at_ > 0) --at_;
}

void Pace::gap() {
  const bool again = since_gap_ < gap_distance;
  since_gap_ = 0;
  run_ = 0;
  if (again) trouble();
}

void Pace::trouble() {
  if (on_trial_) patience_ = std::min(patience_ * 2, most_patience);
  on_trial_ = false;
  run_ = 0;
  if (at_ + 1 < ladder_.size()) ++at_;
}

Milliseconds RoundTrip::timeout() const {
  if (smooth_ < 0) return most_;
  const double spread = std::max(4 * variation_, static_cast<double>(least_.count()));
  const double wanted = std::ldexp(smooth_ + spread, backoff_);
  return std::min(most_, Milliseconds(static_cast<std::int64_t>(std::ceil(wanted))));
}

void RoundTrip::measured(Milliseconds time) {
  const auto sample = static_cast<double>(time.count());
  backoff_ = 0;
  if (smooth_ < 0) {
    smooth_ = sample;
    variation_ = sample / 2;
    return;
  }
  variation_ += (std::abs(sample - smooth_) - variation_) / 4;
  smooth_ += (sample - smooth_) / 8;
}

void RoundTrip::late(Milliseconds time) {
  least_ = std::min(most_, std::max(least_, time + time / 2));
}

}  // namespace ferry::smp
