#include "transports/host/counts.hpp"

namespace ferry::host {

bool Counts::add(std::uint64_t Counted::*counter, std::uint64_t amount) {
  auto& sum = counter == &Counted::requests   ? requests_
              : counter == &Counted::refusals ? refusals_
                                              : bytes_;
  sum += amount;
  // Read first: of thousands of requests a second all but one find it set.
  return !waiting_ && !waiting_.exchange(true);
}

std::optional<Counts::Counted> Counts::due(Instant now) {
  if (!waiting_ || now < not_before_) return std::nullopt;
  not_before_ = now + interval;
  return take();
}

// The mark goes first: whoever counts after it was taken sets it again.
std::optional<Counts::Counted> Counts::take() {
  if (!waiting_.exchange(false)) return std::nullopt;
  return Counted{requests_.exchange(0), refusals_.exchange(0), bytes_.exchange(0)};
}

void Counts::put_back(const Counted& counted) {
  requests_ += counted.requests;
  refusals_ += counted.refusals;
  bytes_ += counted.bytes;
  waiting_ = true;
}

std::optional<Counts::Instant> Counts::next() const {
  return waiting_ ? std::optional(not_before_) : std::nullopt;
}

}  // namespace ferry::host
