// Wakes devices: looks who is to be told that something is here, counts it on the disk, and lets
// the message go. Lives on the agent's loop.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/desk.hpp"
#include "agent/wake/message.hpp"
#include "agent/wake/schedule.hpp"
#include "agent/worker.hpp"
#include "base/clock.hpp"
#include "config/settings.hpp"
#include "formats/json.hpp"
#include "storage/store.hpp"

namespace ferry::agent {

// What the waker needs of the agent; called on the loop.
struct WakerLinks {
  // Why no message can go now ("waits: the broker"), "" it can.
  std::function<std::string()> hold;
  std::function<void(const wake::Message&)> send;
  std::function<void()> events_stored;  // the outbox has something new
};

class Waker {
 public:
  // Messages of one look; the rest goes with the next.
  static constexpr std::size_t most_at_once = 16;
  // Between two looks, whatever happens.
  static constexpr Duration longest_pause = std::chrono::minutes(5);

  // All of it outlives the waker.
  Waker(const config::Settings& settings, Desk& desk, storage::Store& store, Worker& worker,
        const Clock& clock, WakerLinks links);
  // Reads what an earlier run sent. Blocks; called once before anything else.
  Status load();
  // Wakes whoever is due; gives how long nothing changes by time alone.
  Duration look();
  // All that may be woken, as of the last look (docs/control-api.md, "wake").
  formats::Json devices() const;
  // Each section in short.
  formats::Json sections() const;
  std::uint64_t sent() const { return sent_; }  // messages since the start

 private:
  // One that may be woken, and how it is.
  struct Candidate {
    wake::Target target;
    std::string name;
    wake::Standing standing;
    wake::Image image;
    Sha256 sha256;  // of the image
    Time next{};    // Time{} nobody knows
  };

  wake::Moment moment() const;
  void gather();
  void add(const config::WakeSettings& settings, const std::string& device, const std::string& name,
           const std::string& broker_hold);
  void wake(const Candidate& candidate);
  void keep(const storage::WakeUp& row) const;
  formats::Json device_json(const Candidate& candidate) const;

  const config::Settings& settings_;
  Desk& desk_;
  storage::Store& store_;
  Worker& worker_;
  const Clock& clock_;
  WakerLinks links_;
  wake::Schedule schedule_;
  std::vector<Candidate> candidates_;
  std::uint64_t sent_ = 0;
};

}  // namespace ferry::agent
