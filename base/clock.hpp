// Time, behind an interface so that tests own it. Gateways have no real-time clock: wall time may
// start at 1970 and jump; whatever measures a duration uses steady().
#pragma once

#include <chrono>
#include <string>

namespace ferry {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
  virtual std::chrono::steady_clock::time_point steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
  std::chrono::steady_clock::time_point steady() const override;
};

// "2026-11-21T08:15:00Z" (RFC 3339, UTC, whole seconds).
std::string to_rfc3339(Time time);
// Milliseconds since 1970, as SQL and JSON keep times.
inline std::int64_t to_unix_ms(Time time) {
  return time.time_since_epoch().count();
}
inline Time from_unix_ms(std::int64_t ms) {
  return Time(Duration(ms));
}

}  // namespace ferry
