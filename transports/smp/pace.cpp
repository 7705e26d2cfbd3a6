#include "transports/smp/pace.hpp"

#include <algorithm>
#include <cmath>

namespace ferry::smp {
namespace {

constexpr std::size_t least_packet = 64;  // bytes; below that little but overhead is sent
constexpr unsigned first_patience = 24;   // packets
constexpr unsigned most_patience = 768;
constexpr double beside = 26;        // bytes of a packet that are no data
constexpr double framing = 6;        // bytes of a packet's share that its framing takes
constexpr double forgetting = 0.98;  // of what happened to a packet, with each later one
constexpr double at_first = 10000;   // bytes that are taken to have arrived before the first
constexpr double clearly_better = 1.02;
constexpr double too_many_stalls = 0.55;
constexpr int too_much_silence = 5;  // in a row
constexpr int too_much_silence_of_datagrams = 9;
constexpr double packets_at_first = 40;  // that are taken to have arrived before the first
constexpr double longer_memory = 0.99;

}  // namespace

Pace::Pace(const ClientOptions& options, const Parameters& parameters, const Learned& learned)
    : bytes_(at_first),
      packets_lately_(packets_at_first),
      whole_packets_(options.loses_whole_packets),
      by_losses_(options.window_by_losses),
      patience_(first_patience) {
  const auto fit = [&](std::size_t limit) {
    return std::max<std::size_t>(1, options.fit == nullptr ? limit : options.fit(limit));
  };
  const std::uint64_t buffer =
      std::max<std::uint64_t>(parameters.buffer_size, least_packet + options.framing);
  packets_.push_back(fit(static_cast<std::size_t>(
      std::min<std::uint64_t>(buffer - options.framing, options.packet_limit))));
  while (true) {
    const std::size_t smaller = fit(packets_.back() / 4 * 3);
    if (smaller < least_packet || smaller >= packets_.back()) break;
    packets_.push_back(smaller);
  }
  // One buffer is being filled and one being worked on; what comes beyond is dropped in silence.
  const std::uint64_t buffers = parameters.buffer_count > 2 ? parameters.buffer_count - 2 : 1;
  windows_.push_back(static_cast<std::size_t>(
      std::min<std::uint64_t>(buffers, std::max<std::size_t>(1, options.window_limit))));
  while (windows_.back() > 1) windows_.push_back(windows_.back() / 2);
  window_at_ = std::min(learned.window_steps, windows_.size() - 1);
  packet_at_ = std::min(learned.packet_steps, packets_.size() - 1);
}

void Pace::tell(Learned& learned) const {
  learned.window_steps = window_at_;
  learned.packet_steps = packet_at_;
}

std::size_t Pace::window() const {
  const std::size_t device = windows_[window_at_];
  if (by_losses_ <= 0 || lost_lately_ <= 0) return device;
  // Of a window of n packets each loss takes n - 1 others with it.
  const double bearable = 1 + by_losses_ * std::sqrt(packets_lately_ / lost_lately_);
  return bearable >= static_cast<double>(device) ? device : static_cast<std::size_t>(bearable);
}

std::size_t Pace::packet() const {
  return packets_[std::max(packet_at_, best_)];
}

// Data for each byte sent, as far as it arrives.
double Pace::worth(std::size_t packet) const {
  const auto size = static_cast<double>(packet);
  const double share = std::max(0.0, size - beside) / (size + framing);
  return share * std::exp(-losses_ / bytes_ * size);
}

void Pace::account(bool lost) {
  bytes_ = bytes_ * forgetting + static_cast<double>(packet());
  losses_ = losses_ * forgetting + (lost ? 1 : 0);
  packets_lately_ = packets_lately_ * longer_memory + 1;
  lost_lately_ = lost_lately_ * longer_memory + (lost ? 1 : 0);
  if (whole_packets_) return;
  for (std::size_t i = 0; i < packets_.size(); ++i) {
    if (worth(packets_[i]) > clearly_better * worth(packets_[best_])) best_ = i;
  }
}

void Pace::accepted() {
  account(false);
  stalls_ *= 15.0 / 16.0;
  const bool at_top = window_at_ == 0 && packet_at_ == 0;
  if (at_top && !on_trial_) return;
  if (++run_ < patience_) return;
  run_ = 0;
  // The step that was tried has held.
  if (on_trial_) patience_ = std::max(first_patience, patience_ / 2);
  on_trial_ = !at_top;
  if (!at_top) step_up();
}

void Pace::gap() {
  account(true);
}

void Pace::silence(std::size_t packets, int in_a_row) {
  account(true);
  if (packets > 1) stalls_ += (1 - stalls_) / 4;
  const int too_much = whole_packets_ ? too_much_silence_of_datagrams : too_much_silence;
  if (stalls_ > too_many_stalls || in_a_row >= too_much) step_down();
}

void Pace::no_memory() {
  step_down();
}

void Pace::step_down() {
  if (on_trial_) patience_ = std::min(patience_ * 2, most_patience);
  on_trial_ = false;
  run_ = 0;
  stalls_ = 0;
  if (window_at_ + 1 < windows_.size()) {
    ++window_at_;
  } else if (packet_at_ + 1 < packets_.size()) {
    packet_at_ = std::max(packet_at_, best_);
    if (packet_at_ + 1 < packets_.size()) ++packet_at_;
  }
}

void Pace::step_up() {
  if (packet_at_ > 0) {
    --packet_at_;
  } else {
    --window_at_;
  }
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
