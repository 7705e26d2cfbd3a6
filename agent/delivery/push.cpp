#include "agent/delivery/push.hpp"

#include <algorithm>

namespace ferry::delivery {
namespace {

using formats::link::ImageState;
using formats::link::Outcome;
using formats::link::OutcomeKind;
using S = DeliveryState;

constexpr Duration kept_every = std::chrono::seconds(30);
// A device that goes away again and again before a byte has passed is asked more and more rarely.
constexpr Duration first_rest = std::chrono::seconds(1);
constexpr unsigned most_doublings = 6;

bool names_image(const Delivery& delivery, const DeviceClaim& device) {
  return !delivery.image.empty() && !device.image.empty();
}

// What seeing the device so means for the delivery.
std::optional<Trigger> meaning(const config::ProductSettings& settings, const Entry& entry,
                               const DeviceClaim& device, Moment now) {
  const Delivery& delivery = entry.delivery;
  const S state = delivery.state;
  switch (sight_of(delivery, device)) {
    case Sight::nothing:
      return std::nullopt;
    case Sight::runs:
      return Trigger::run;
    case Sight::trial:
      return Trigger::activate;
    case Sight::holds:
      if (!ended(state) && state < S::transferred) return Trigger::complete;
      break;
    case Sight::other:
      if (state == S::transferred && names_image(delivery, device) && !device.staged.empty()) {
        return Trigger::missing;
      }
      break;
  }
  if (state == S::unknown) return Trigger::go_back;
  if (state != S::activated && state != S::confirming) return std::nullopt;
  // One that names no image may answer with its old version until it has installed the new one.
  const Duration patience = names_image(delivery, device) ? restart_time : settings.confirm_within;
  return now.steady - entry.since >= patience ? std::optional(Trigger::go_back) : std::nullopt;
}

void forget_failure(Delivery& delivery) {
  delivery.detail.clear();
  delivery.cause.clear();
  delivery.not_before = Time{};
}

}  // namespace

Sight sight_of(const Delivery& delivery, const DeviceClaim& device) {
  const bool by_image = names_image(delivery, device);
  const bool runs = by_image ? device.image == delivery.image
                             : !device.version.empty() && device.version == delivery.version;
  if (runs) return device.image_state == ImageState::on_trial ? Sight::trial : Sight::runs;
  if (by_image && device.staged == delivery.image) return Sight::holds;
  return device.image.empty() && device.version.empty() ? Sight::nothing : Sight::other;
}

std::vector<Change> PushTracker::seen(const config::ProductSettings& settings,
                                      const DeviceClaim& device, Moment now) {
  std::vector<Change> changes;
  for (Entry& entry : book_.of(device.product, device.id)) {
    Delivery& delivery = entry.delivery;
    if (delivery.mode != DeliveryMode::push) continue;
    auto trigger = meaning(settings, entry, device, now);
    if (!trigger || !transition(delivery.state, *trigger)) continue;
    if (*trigger == Trigger::go_back) {
      delivery.cause = "rolled_back";
      delivery.detail = device.version.empty() ? "" : "it is back at " + device.version;
    } else if (*trigger == Trigger::missing) {
      delivery.cause = "missing";
      delivery.detail = "the device does not have any more what it was brought";
      delivery.bytes_done = 0;
      entry.pieces.clear();
      if (++delivery.attempts >= settings.attempts) trigger = Trigger::give_up;
    } else {
      forget_failure(delivery);
      delivery.bytes_done = delivery.bytes_total;
    }
    if (auto change = book_.apply(entry, *trigger, now, device.proven)) {
      changes.push_back(std::move(*change));
    }
  }
  return changes;
}

std::optional<StepKind> PushTracker::step(const config::ProductSettings& settings,
                                          const Entry& entry, const DeviceClaim& device) const {
  const Sight sight = sight_of(entry.delivery, device);
  switch (entry.delivery.state) {
    case S::waiting:
    case S::scheduled:
    case S::transferring:
      return StepKind::transfer;
    case S::transferred:
      // Of one that tells nothing nobody could say whether it started the image.
      return sight == Sight::nothing ? std::nullopt : std::optional(StepKind::activate);
    case S::activated:
    case S::confirming:
      if (sight != Sight::trial || settings.confirm == config::ConfirmedBy::device) break;
      return StepKind::confirm;
    default:
      break;
  }
  return std::nullopt;
}

std::string PushTracker::idle_reason(const config::ProductSettings& settings, const Entry& entry) {
  const S state = entry.delivery.state;
  if (state == S::transferred) return "waits: the device tells nothing of itself";
  if (state != S::activated && state != S::confirming) return "";
  return settings.confirm == config::ConfirmedBy::device
             ? "waits: the device to come back and confirm"
             : "waits: the device to come back";
}

std::optional<Change> PushTracker::begin(Entry& entry, StepKind step, Moment now) {
  entry.moved = false;
  if (step == StepKind::activate) return std::nullopt;
  return book_.apply(entry, step == StepKind::confirm ? Trigger::confirm : Trigger::begin, now);
}

std::optional<Change> PushTracker::progress(Entry& entry, const formats::link::Progress& message,
                                            Moment now) {
  const auto piece = entry.pieces.find(message.sha256);
  if (piece == entry.pieces.end()) return std::nullopt;
  piece->second.acknowledged = std::min(message.offset + message.length, piece->second.size);
  Delivery& delivery = entry.delivery;
  delivery.updated = now.wall;
  delivery.bytes_done = 0;
  for (const auto& [sha256, known] : entry.pieces) delivery.bytes_done += known.acknowledged;
  entry.moved = true;
  entry.fruitless = 0;
  if (auto change = book_.apply(entry, Trigger::arrive, now)) return change;
  if (now.steady - entry.kept_at < kept_every) return std::nullopt;
  entry.kept_at = now.steady;
  return Change{delivery, {}};
}

// `otherwise` is what follows while attempts are left.
std::optional<Change> PushTracker::fail_attempt(const config::ProductSettings& settings,
                                                Entry& entry, const Outcome& message,
                                                Trigger otherwise, Moment now) {
  Delivery& delivery = entry.delivery;
  if (!transition(delivery.state, otherwise)) return std::nullopt;
  ++delivery.attempts;
  delivery.cause = to_string(message.kind);
  delivery.detail = message.detail;
  if (delivery.attempts >= settings.attempts) {
    return book_.apply(entry, Trigger::give_up, now, message.device.proven);
  }
  const Duration pause = pause_after(settings, delivery.attempts);
  delivery.not_before = now.wall + pause;
  entry.retry_at = now.steady + pause;
  return book_.apply(entry, otherwise, now);
}

std::optional<Change> PushTracker::outcome(const config::ProductSettings& settings, Entry& entry,
                                           const Outcome& message, Moment now) {
  Delivery& delivery = entry.delivery;
  const bool proven = message.device.proven;
  const auto good = [&](Trigger trigger) -> std::optional<Change> {
    if (!transition(delivery.state, trigger)) return std::nullopt;
    forget_failure(delivery);
    delivery.bytes_done = delivery.bytes_total;
    return book_.apply(entry, trigger, now, proven);
  };
  switch (message.kind) {
    case OutcomeKind::transferred:
      return good(Trigger::complete);
    case OutcomeKind::activated:
      return good(Trigger::activate);
    case OutcomeKind::confirmed:
      return good(Trigger::run);
    case OutcomeKind::lost:
      // One that goes away while it is being told to start has most likely done so.
      if (delivery.state != S::transferred) return lose(entry, now);
      return fail_attempt(settings, entry, message, Trigger::lose, now);
    case OutcomeKind::failed:
    case OutcomeKind::busy:
      return fail_attempt(settings, entry, message, Trigger::fail_once, now);
    default:
      break;
  }
  const bool back = message.kind == OutcomeKind::rolled_back;
  const Trigger trigger =
      back && transition(delivery.state, Trigger::go_back) ? Trigger::go_back : Trigger::give_up;
  if (!transition(delivery.state, trigger)) return std::nullopt;
  delivery.cause = to_string(message.kind);
  delivery.detail = message.detail;
  return book_.apply(entry, trigger, now, proven);
}

std::optional<Change> PushTracker::lose(Entry& entry, Moment now) {
  const S state = entry.delivery.state;
  if (state == S::transferred) return std::nullopt;
  const bool in_step = state == S::scheduled || state == S::transferring || state == S::confirming;
  if (in_step && !entry.moved) {
    entry.retry_at = now.steady + first_rest * (1U << std::min(entry.fruitless, most_doublings));
    ++entry.fruitless;
  }
  return book_.apply(entry, Trigger::lose, now);
}

std::vector<Change> PushTracker::expire(const std::map<std::string, Duration>& confirm_within,
                                        Moment now) {
  std::vector<Change> changes;
  book_.for_each([&](Entry& entry) {
    Delivery& delivery = entry.delivery;
    const auto limit = confirm_within.find(delivery.product);
    const bool tried = delivery.state == S::activated || delivery.state == S::confirming;
    if (!tried || delivery.mode != DeliveryMode::push || limit == confirm_within.end()) return;
    if (now.steady - entry.since < limit->second) return;
    delivery.detail = "the device did not come back with it for good";
    if (auto change = book_.apply(entry, Trigger::expire, now)) changes.push_back(*change);
  });
  return changes;
}

}  // namespace ferry::delivery
