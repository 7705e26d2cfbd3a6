// What stands in the way of deliveries, and what operators say about it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/desk.hpp"
#include "base/local_time.hpp"
#include "base/log.hpp"

namespace ferry::agent {
namespace {

using delivery::Entry;
using delivery::Hold;
using delivery::Trigger;
using formats::link::DeviceClaim;
using formats::link::StepKind;
using storage::DeliveryMode;
using storage::DeliveryState;

constexpr auto order_names =
    std::to_array<std::string_view>({"pause", "resume", "retry", "cancel", "force", "install"});

}  // namespace

// Counted only where a share of them matters.
std::size_t Desk::devices_of(const std::string& product_name) const {
  const auto* settings = product(product_name);
  if (settings == nullptr || settings->rollout_percent >= 100) return 0;
  const auto first = devices_.lower_bound(product_name + "/");
  const auto last = devices_.lower_bound(product_name + "0");  // '0' follows '/'
  return static_cast<std::size_t>(std::distance(first, last));
}

void Desk::wake_in(Duration duration) const {
  if (events_.wake_in) events_.wake_in(duration);
}

std::optional<Hold> Desk::rollout_hold(const config::ProductSettings& settings,
                                       const storage::Device& device, const std::string& version,
                                       const Entry* entry) const {
  delivery::Joining joining;
  joining.product = device.product;
  joining.version = version;
  joining.assigned = device.assigned_version == version;
  const bool open = entry != nullptr && !delivery::ended(entry->delivery.state);
  if (open) joining.delivery = &entry->delivery;
  delivery::Tally tally = book_.tally(device.product, version);
  tally.begun += being_offered(device.product, version);
  return rollouts_.hold(settings, joining, tally, devices_of(device.product), moment());
}

std::optional<Hold> Desk::push_hold(const Entry& entry, StepKind step, const DeviceClaim& claim,
                                    const std::string& transport) const {
  const storage::Delivery& row = entry.delivery;
  const auto* settings = product(row.product);
  const auto device = devices_.find(key_of(row.product, row.device));
  if (settings == nullptr || device == devices_.end()) return std::nullopt;
  delivery::Circumstances around;
  around.now = moment();
  around.time_of_day = time_of_day(clock_.now());
  around.transport = transport;
  for (const auto& [key, lease] : leases_) {
    const bool counts = lease.transport == transport && lease.product == row.product;
    around.under_way += counts && lease.step == StepKind::transfer ? 1 : 0;
  }
  if (step != StepKind::confirm && !row.paused) {
    if (auto hold = rollout_hold(*settings, device->second, row.version, &entry)) return hold;
  }
  return delivery::policy_hold(*settings, entry, step, claim, around);
}

// Why a device that asks does not get this version now. What it has begun it may go on with,
// unless the release was stopped.
std::optional<Hold> Desk::pull_hold(const storage::Device& device, const std::string& version) {
  const auto* settings = product(device.product);
  if (settings == nullptr) return std::nullopt;
  const Entry* entry = book_.newest_of(device.product, device.id, version);
  const bool ended = entry == nullptr || delivery::ended(entry->delivery.state);
  if (entry != nullptr && entry->delivery.state == DeliveryState::cancelled) {
    return Hold{"cancelled", std::nullopt};
  }
  if (!ended && entry->delivery.paused) return Hold{"paused", std::nullopt};
  if (auto hold = rollout_hold(*settings, device, version, entry)) return hold;
  const bool begun = !ended && entry->delivery.state != DeliveryState::waiting;
  if (begun || (!ended && entry->delivery.forced)) return std::nullopt;
  return delivery::window_hold(*settings, time_of_day(clock_.now()));
}

std::string Desk::reason(const storage::Delivery& delivery) {
  const Key key = key_of(delivery.product, delivery.device);
  const auto* settings = product(delivery.product);
  Entry* entry = book_.find(delivery.product, delivery.device, delivery.id);
  if (entry == nullptr || settings == nullptr || delivery::ended(delivery.state)) return "";
  if (delivery.mode == DeliveryMode::pull) {
    const auto device = devices_.find(key);
    if (device == devices_.end()) return "";
    if (const auto hold = pull_hold(device->second, delivery.version)) return hold->why;
    return delivery.state == DeliveryState::waiting ? "waits: the device to ask" : "";
  }
  if (delivery.paused) return "paused";
  if (const auto lease = leases_.find(key);
      lease != leases_.end() && lease->second.delivery == delivery.id) {
    return "";
  }
  if (view_->find(delivery.product, delivery.version) == nullptr) {
    return "waits: its release is not here";
  }
  const auto claim = claims_.find(key);
  if (claim == claims_.end()) return "waits: the device to show itself";
  const auto step = push_.step(*settings, *entry, claim->second);
  if (!step) return delivery::PushTracker::idle_reason(*settings, *entry);
  const auto hold = push_hold(*entry, *step, claim->second, delivery.transport);
  return hold ? hold->why : "waits: the device to show itself";
}

std::string Desk::rollout(const std::string& product_name, const std::string& version) const {
  const auto* settings = product(product_name);
  if (settings == nullptr) return "";
  return rollouts_.describe(*settings, version, book_.tally(product_name, version),
                            devices_of(product_name));
}

void Desk::keep_rollout(const delivery::RolloutChange& change) {
  if (events_.releases_changed) events_.releases_changed();
  worker_.run(
      [this, change] {
        const Status kept = store_.rollouts().put(change.rollout, change.events);
        if (!kept) {
          log::error("deliveries", "how {} {} spreads could not be kept: {}",
                     change.rollout.product, change.rollout.version, kept.error().message);
        }
      },
      [this] {
        if (events_.events_stored) events_.events_stored();
      });
}

// What is to be kept when the first devices of a release are through; nothing as long as they are
// not.
std::optional<delivery::RolloutChange> Desk::settled(const std::string& product_name,
                                                     const std::string& version) {
  const auto* settings = product(product_name);
  if (settings == nullptr) return {};
  auto change = rollouts_.settle(*settings, version, book_.tally(product_name, version),
                                 devices_of(product_name), moment());
  if (!change) return {};
  if (change->rollout.open) {
    log::info("deliveries", "{} {} is for all devices now", product_name, version);
  }
  wake_in(Duration(0));
  return change;
}

void Desk::settle(const std::string& product_name, const std::string& version) {
  if (const auto change = settled(product_name, version)) keep_rollout(*change);
}

// A delivery has ended: what that means for the other devices of its release, to be kept together
// with it, so that no failure is counted without its delivery or the other way round.
std::optional<delivery::RolloutChange> Desk::note_end(const storage::Delivery& delivery) {
  const auto* settings = product(delivery.product);
  if (settings == nullptr) return {};
  std::optional<delivery::RolloutChange> noted;
  const bool bad =
      delivery.state == DeliveryState::failed || delivery.state == DeliveryState::rolled_back;
  if (bad) {
    noted = rollouts_.failed(*settings, delivery, moment());
    if (!noted->events.empty()) {
      log::warning("deliveries", "{} {} is stopped for all devices: {}", delivery.product,
                   delivery.version, noted->rollout.why);
      for (const auto& [key, lease] : leases_) {
        const Entry* entry = book_.find(lease.delivery);
        const bool same = entry != nullptr && entry->delivery.product == delivery.product &&
                          entry->delivery.version == delivery.version;
        const bool brings = same && lease.step == StepKind::transfer;
        if (brings && events_.cancel_step) events_.cancel_step(lease.transport, lease.delivery);
      }
    }
  }
  if (auto open = settled(delivery.product, delivery.version)) {
    if (noted)
      open->events.insert(open->events.begin(), noted->events.begin(), noted->events.end());
    noted = std::move(open);
  }
  if (noted && events_.releases_changed) events_.releases_changed();
  return noted;
}

Status Desk::lift(const std::string& product_name, const std::string& version) {
  const auto change = rollouts_.lift(product_name, version, moment());
  if (!change) {
    return fail(ErrorCode::not_found,
                product_name + " " + version + " is not stopped; see ferryctl releases");
  }
  log::info("deliveries", "{} {} goes on", product_name, version);
  keep_rollout(*change);
  wake_in(Duration(0));
  return {};
}

Result<storage::Delivery> Desk::order(std::uint64_t id, Order order) {
  Entry* entry = book_.find(id);
  if (entry == nullptr) {
    return fail(ErrorCode::not_found,
                fmt::format("delivery {} is not known any more; see ferryctl deliveries", id));
  }
  storage::Delivery& row = entry->delivery;
  const auto* settings = product(row.product);
  const bool open = !delivery::ended(row.state);
  const auto denied = [&](std::string_view why) {
    return fail(ErrorCode::denied,
                fmt::format("delivery {} cannot be told to {}: {}", id,
                            order_names.at(static_cast<std::size_t>(order)), why));
  };
  std::optional<delivery::Change> change = delivery::Change{row, {}};
  const auto is_state = [&] { return fmt::format("it is {}", to_string(row.state)); };
  switch (order) {
    case Order::pause:
    case Order::resume:
      if (!open) return denied(is_state());
      row.paused = order == Order::pause;
      break;
    case Order::retry:
      if (!delivery::transition(row.state, Trigger::again)) return denied(is_state());
      row.attempts = 0;
      row.paused = false;
      row.cause.clear();
      row.detail.clear();
      break;
    case Order::cancel:
      if (!open) return denied(is_state());
      row.detail = "by an operator";
      change = book_.apply(*entry, Trigger::cancel, moment());
      break;
    case Order::force:
      if (!open) return denied(is_state());
      row.forced = true;
      row.paused = false;
      break;
    case Order::install:
      if (!open) return denied(is_state());
      if (settings == nullptr || settings->install == config::InstallWhen::at_once) {
        return denied("its product installs at once");
      }
      row.may_install = true;
      break;
  }
  if (order == Order::retry || order == Order::force) {
    row.not_before = Time{};
    entry->retry_at = {};
    entry->fruitless = 0;
  }
  if (order == Order::retry) change = book_.apply(*entry, Trigger::again, moment());
  if (order != Order::cancel) change->delivery = row;
  const auto lease = leases_.find(key_of(row.product, row.device));
  const bool stop = order == Order::pause || order == Order::cancel;
  if (stop && lease != leases_.end() && lease->second.delivery == id && events_.cancel_step) {
    events_.cancel_step(lease->second.transport, id);
  }
  log::info("deliveries", "{} {} for {}: an operator says {}", row.product, row.version, row.device,
            order_names.at(static_cast<std::size_t>(order)));
  const storage::Delivery after = row;
  keep({std::move(*change)});
  wake_in(Duration(0));
  return after;
}

}  // namespace ferry::agent
