// How releases spread among the devices of a product: a first group, a pause, then the rest; and
// the breaker that stops one which fails too often. Pure: no clock, no store.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/delivery/policy.hpp"
#include "storage/store.hpp"

namespace ferry::delivery {

using storage::Rollout;

// What changed and has to be kept, in one transaction.
struct RolloutChange {
  Rollout rollout;
  std::vector<storage::Event> events;
};

// A device that may join a rollout.
struct Joining {
  const Delivery* delivery = nullptr;  // null: none is there yet
  std::string product;
  std::string version;
  bool assigned = false;  // an operator gave this device this version
};

class Rollouts {
 public:
  explicit Rollouts(const std::vector<Rollout>& stored, Moment now = {});

  // What keeps the device from beginning, or from starting what it has; nothing when it may.
  // Devices that began before go on unless the release was stopped, and so do forced ones and
  // those that an operator assigned. `devices` is how many of the product are known.
  std::optional<Hold> hold(const config::ProductSettings& settings, const Joining& device,
                           const Tally& tally, std::size_t devices, Moment now) const;
  // To be called when a delivery of the release has ended, and now and then.
  std::optional<RolloutChange> settle(const config::ProductSettings& settings,
                                      const std::string& version, const Tally& tally,
                                      std::size_t devices, Moment now);
  // A delivery failed for good. The change stops the release when `stopped` is set in it and was
  // not before.
  RolloutChange failed(const config::ProductSettings& settings, const Delivery& delivery,
                       Moment now);
  // An operator wants it to go on; nothing when it was not stopped.
  std::optional<RolloutChange> lift(const std::string& product, const std::string& version,
                                    Moment now);

  bool stopped(const std::string& product, const std::string& version) const;
  // "stopped: 3 failures", "first 10 devices: 4 are done", or "".
  std::string describe(const config::ProductSettings& settings, const std::string& version,
                       const Tally& tally, std::size_t devices) const;
  const Rollout* find(const std::string& product, const std::string& version) const;
  // Those that are under way, as product and version.
  std::vector<std::pair<std::string, std::string>> unsettled() const;

 private:
  struct State {
    Rollout rollout;
    Steady settled{};  // as rollout.settled, by the steady clock
  };
  using Key = std::pair<std::string, std::string>;

  State& state(const std::string& product, const std::string& version);

  std::map<Key, State> states_;
};

// How many devices come first; 0 when all come at once.
std::size_t first_group(const config::ProductSettings& settings, std::size_t devices);

}  // namespace ferry::delivery
