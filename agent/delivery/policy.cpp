#include "agent/delivery/policy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/day_window.hpp"

namespace ferry::delivery {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration longest_pause = hours(1);
// Nobody tells when a clock is set, jumps or changes to summer time: it is looked at so often.
constexpr Duration clock_look = minutes(5);

std::optional<Hold> retry_hold(const config::ProductSettings& settings, const Entry& entry,
                               Steady now) {
  if (now >= entry.retry_at) return std::nullopt;
  const auto left = std::chrono::duration_cast<Duration>(entry.retry_at - now);
  if (entry.delivery.attempts == 0) {
    return Hold{fmt::format("waits: goes on in {}", to_text(left)), left};
  }
  return Hold{fmt::format("waits: retry in {} (attempt {} of {})", to_text(left),
                          entry.delivery.attempts + 1, settings.attempts),
              left};
}

std::optional<Hold> device_hold(const config::ProductSettings& settings, const DeviceClaim& device,
                                StepKind step) {
  if (device.battery >= 0 &&
      static_cast<std::uint64_t>(device.battery) < settings.minimum_battery) {
    return Hold{
        fmt::format("waits: battery {} % below {} %", device.battery, settings.minimum_battery),
        std::nullopt};
  }
  const bool weak = settings.minimum_signal < 0 && device.signal < settings.minimum_signal;
  if (weak && step == StepKind::transfer) {
    return Hold{
        fmt::format("waits: signal {} dBm below {} dBm", device.signal, settings.minimum_signal),
        std::nullopt};
  }
  return std::nullopt;
}

}  // namespace

std::string to_text(Duration duration) {
  const auto rounded = [&](Duration unit) { return (duration + unit - Duration(1)) / unit; };
  if (duration <= minutes(2)) return fmt::format("{}s", rounded(seconds(1)));
  if (duration <= hours(2)) return fmt::format("{}min", rounded(minutes(1)));
  return fmt::format("{}h", rounded(hours(1)));
}

std::optional<Hold> window_hold(const config::ProductSettings& settings,
                                std::optional<Duration> time_of_day) {
  if (settings.window.empty()) return std::nullopt;
  const std::string text = "waits: window " + config::to_text(settings.window);
  if (!time_of_day) return Hold{text + ", the clock is not set", clock_look};
  const auto left = config::until_window(settings.window, *time_of_day);
  return left ? std::optional(Hold{text, std::min(*left, clock_look)}) : std::nullopt;
}

std::optional<Hold> policy_hold(const config::ProductSettings& settings, const Entry& entry,
                                StepKind step, const DeviceClaim& device,
                                const Circumstances& around) {
  const Delivery& delivery = entry.delivery;
  if (delivery.paused) return Hold{"paused", std::nullopt};
  if (auto hold = retry_hold(settings, entry, around.now.steady)) return hold;
  const bool start = step == StepKind::activate;
  if (start && settings.install == config::InstallWhen::on_command && !delivery.may_install) {
    return Hold{"waits: install on command", std::nullopt};
  }
  if (step == StepKind::confirm || delivery.forced) return std::nullopt;
  if (auto hold = window_hold(settings, around.time_of_day)) return hold;
  if (auto hold = device_hold(settings, device, step)) return hold;
  if (step == StepKind::transfer && around.under_way >= settings.at_once) {
    return Hold{fmt::format("waits: {} at once on {}", settings.at_once, around.transport),
                std::nullopt};
  }
  return std::nullopt;
}

Duration pause_after(const config::ProductSettings& settings, std::uint64_t attempts) {
  Duration pause = settings.retry_delay;
  for (std::uint64_t i = 1; i < attempts && pause < longest_pause; ++i) pause *= 2;
  return std::min(pause, std::max(longest_pause, settings.retry_delay));
}

}  // namespace ferry::delivery
