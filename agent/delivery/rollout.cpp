#include "agent/delivery/rollout.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/json.hpp"

namespace ferry::delivery {
namespace {

storage::Event release_event(const char* kind, const Rollout& rollout, Time now) {
  formats::Json detail = {{"product", rollout.product}, {"version", rollout.version}};
  if (!rollout.why.empty()) detail["why"] = rollout.why;
  storage::Event event;
  event.at = now;
  event.kind = kind;
  event.detail = formats::to_text(detail);
  return event;
}

std::string group_text(const config::ProductSettings& settings, std::size_t group) {
  if (settings.rollout_first > 0) return fmt::format("first {} devices", group);
  return fmt::format("first {} % of the devices ({})", settings.rollout_percent, group);
}

bool has_begun(const Delivery& delivery) {
  return delivery.state != DeliveryState::waiting;
}

}  // namespace

std::size_t first_group(const config::ProductSettings& settings, std::size_t devices) {
  if (settings.rollout_first > 0) return settings.rollout_first;
  if (settings.rollout_percent >= 100) return 0;
  return std::max<std::size_t>(1, (devices * settings.rollout_percent + 99) / 100);
}

Rollouts::Rollouts(const std::vector<Rollout>& stored, Moment now) {
  for (const Rollout& rollout : stored) {
    State& known = states_[{rollout.product, rollout.version}];
    known.rollout = rollout;
    known.settled = now.steady - elapsed_since(rollout.settled, now.wall);
  }
}

Rollouts::State& Rollouts::state(const std::string& product, const std::string& version) {
  State& found = states_[{product, version}];
  found.rollout.product = product;
  found.rollout.version = version;
  return found;
}

const Rollout* Rollouts::find(const std::string& product, const std::string& version) const {
  const auto found = states_.find({product, version});
  return found == states_.end() ? nullptr : &found->second.rollout;
}

bool Rollouts::stopped(const std::string& product, const std::string& version) const {
  const Rollout* rollout = find(product, version);
  return rollout != nullptr && rollout->stopped != Time{};
}

std::optional<Hold> Rollouts::hold(const config::ProductSettings& settings, const Joining& device,
                                   const Tally& tally, std::size_t devices, Moment now) const {
  const Delivery* delivery = device.delivery;
  const auto found = states_.find({device.product, device.version});
  const State* state = found == states_.end() ? nullptr : &found->second;
  if (state != nullptr && state->rollout.stopped != Time{}) {
    return Hold{"stopped: " + state->rollout.why, std::nullopt};
  }
  if (delivery != nullptr && (delivery->forced || has_begun(*delivery))) return std::nullopt;
  const std::size_t group = first_group(settings, devices);
  if (device.assigned || group == 0 || (state != nullptr && state->rollout.open)) {
    return std::nullopt;
  }
  const std::string text = "waits: rollout, " + group_text(settings, group);
  if (state != nullptr && state->rollout.settled != Time{}) {
    const Steady end = state->settled + settings.rollout_wait;
    if (now.steady >= end) return std::nullopt;
    const auto left = std::chrono::duration_cast<Duration>(end - now.steady);
    return Hold{fmt::format("{}, the others in {}", text, to_text(left)), left};
  }
  if (tally.begun < group) return std::nullopt;
  return Hold{text, std::nullopt};
}

std::optional<RolloutChange> Rollouts::settle(const config::ProductSettings& settings,
                                              const std::string& version, const Tally& tally,
                                              std::size_t devices, Moment now) {
  const std::size_t group = first_group(settings, devices);
  if (group == 0 || tally.ended < group) return std::nullopt;
  State& known = state(settings.name, version);
  if (known.rollout.open) return std::nullopt;
  if (known.rollout.settled == Time{}) {
    known.rollout.settled = std::max(now.wall, Time(Duration(1)));
    known.settled = now.steady;
    return RolloutChange{known.rollout, {}};
  }
  if (now.steady - known.settled < settings.rollout_wait) return std::nullopt;
  known.rollout.open = true;
  return RolloutChange{known.rollout, {}};
}

RolloutChange Rollouts::failed(const config::ProductSettings& settings, const Delivery& delivery,
                               Moment now) {
  Rollout& rollout = state(delivery.product, delivery.version).rollout;
  ++rollout.failures;
  RolloutChange change;
  const bool enough = settings.stop_after > 0 && rollout.failures >= settings.stop_after;
  if (enough && rollout.stopped == Time{}) {
    rollout.stopped = std::max(now.wall, Time(Duration(1)));
    rollout.why = fmt::format("{} failure{}", rollout.failures, rollout.failures == 1 ? "" : "s");
    change.events = {release_event("stopped", rollout, now.wall)};
  }
  change.rollout = rollout;
  return change;
}

std::optional<RolloutChange> Rollouts::lift(const std::string& product, const std::string& version,
                                            Moment now) {
  if (!stopped(product, version)) return std::nullopt;
  Rollout& rollout = state(product, version).rollout;
  rollout.stopped = Time{};
  rollout.failures = 0;
  rollout.why.clear();
  return RolloutChange{rollout, {release_event("resumed", rollout, now.wall)}};
}

std::string Rollouts::describe(const config::ProductSettings& settings, const std::string& version,
                               const Tally& tally, std::size_t devices) const {
  const Rollout* rollout = find(settings.name, version);
  if (rollout != nullptr && rollout->stopped != Time{}) return "stopped: " + rollout->why;
  const std::size_t group = first_group(settings, devices);
  if (group == 0 || tally.begun == 0 || (rollout != nullptr && rollout->open)) return "";
  return fmt::format("{}: {} {} done", group_text(settings, group), std::min(tally.ended, group),
                     tally.ended == 1 ? "is" : "are");
}

std::vector<std::pair<std::string, std::string>> Rollouts::unsettled() const {
  std::vector<Key> keys;
  for (const auto& [key, known] : states_) {
    if (known.rollout.settled != Time{} && !known.rollout.open) keys.push_back(key);
  }
  return keys;
}

}  // namespace ferry::delivery
