// When a source tries again. Pure.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"

namespace ferry::source {

inline constexpr Duration first_backoff = std::chrono::seconds(1);
// A link that is away is asked at least so often, since nobody tells when it is back.
inline constexpr Duration link_backoff = std::chrono::minutes(1);
// What was refused costs its whole transfer each time, so it is asked for more and more rarely.
inline constexpr Duration refused_backoff = std::chrono::hours(1);

// The time until the next attempt after `failures` failed ones in a row (at least 1), the last with
// `code`. `chance` in [0, 1) spreads gateways that lost the same server: the result is between half
// the full delay and all of it.
Duration backoff(unsigned failures, ErrorCode code, Duration interval, double chance);
// The interval, spread by a tenth to either side.
Duration jittered(Duration interval, double chance);

}  // namespace ferry::source
