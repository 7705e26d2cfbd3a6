#include "base/local_time.hpp"

#include <ctime>

namespace ferry {

std::optional<Duration> time_of_day(Time now) {
  if (now < clock_was_set) return std::nullopt;
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  std::tm local{};
  if (::localtime_r(&seconds, &local) == nullptr) return std::nullopt;
  return std::chrono::hours(local.tm_hour) + std::chrono::minutes(local.tm_min) +
         std::chrono::seconds(local.tm_sec);
}

}  // namespace ferry
