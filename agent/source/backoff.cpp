#include "agent/source/backoff.hpp"

#include <algorithm>

namespace ferry::source {
namespace {

Duration scaled(Duration duration, double factor) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * factor));
}

bool was_refused(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::denied || code == ErrorCode::invalid ||
         code == ErrorCode::exists || code == ErrorCode::too_large;
}

}  // namespace

Duration backoff(unsigned failures, ErrorCode code, Duration interval, double chance) {
  const Duration longest =
      was_refused(code) ? std::max(interval, refused_backoff) : std::min(interval, link_backoff);
  const unsigned doublings = std::min(std::max(failures, 1U) - 1U, 20U);
  const Duration full =
      std::min(first_backoff * (1U << doublings), std::max(longest, first_backoff));
  return scaled(full, 0.5 + chance / 2);
}

Duration jittered(Duration interval, double chance) {
  return scaled(interval, 0.9 + chance / 5);
}

}  // namespace ferry::source
