// When a device is woken: once its release is here, and again until it shows itself, within the
// budgets of the device and of the gateway. Pure: no clock, no store, no broker.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "storage/store.hpp"

namespace ferry::wake {

using Steady = std::chrono::steady_clock::time_point;

// What surrounds the question. Intervals and budgets go by the steady clock; the wall's is for what
// was sent before a restart.
struct Moment {
  Time wall{};
  Steady steady{};
  std::optional<Duration> time_of_day;  // local; nothing while nobody knows the time
};

// One device that may be woken, as it is now.
struct Target {
  const config::WakeSettings* settings = nullptr;  // never null
  std::string device;                              // its product is that of the settings
  std::string version;                             // what is for it; "" nothing
  std::string hold;  // why it could not be told, or would not get it if it came; "" nothing
  Time last_seen{};  // on any transport; Time{} never
};

// How it is with one device.
struct Standing {
  bool due = false;                // it is to be woken now
  std::string waits;               // why not, when something is for it; "" it is due, or nothing is
  std::optional<Duration> due_in;  // when that passes by itself, as far as is known
  bool changed = false;            // its row is to be kept
};

// Not thread-safe.
class Schedule {
 public:
  static constexpr Duration day = std::chrono::hours(24);
  static constexpr Duration hour = std::chrono::hours(1);

  // `stored` is what an earlier run kept. How long ago its wake-ups were is told by the wall clock
  // where that was set then and is now; else they count as if they were sent at the start.
  Schedule(std::uint64_t per_hour, const std::vector<storage::WakeUp>& stored, const Moment& now);

  // Notes what follows from the device's state: that it showed itself, that another release is for
  // it.
  Standing look(const Target& target, const Moment& now);
  // It is woken now. The row goes to the disk before the message goes out: power that is cut in
  // between must not give the budget again.
  storage::WakeUp wake(const Target& target, const Moment& now);
  // What is known of a device; null when it was never looked at.
  const storage::WakeUp* row(const std::string& product, const std::string& device) const;
  // Wake-ups of the whole gateway in the last hour.
  std::size_t in_last_hour(const Moment& now);

 private:
  // When something was sent, in the time of this run.
  struct Sent {
    Time wall{};
    Steady known{};  // since when this run knows it
    bool earlier = false;
  };
  struct Record {
    storage::WakeUp row;  // its `sent` is filled by kept()
    std::vector<Sent> sent;
    std::optional<Time> seen;  // last_seen as it was at the last look; it may go back as clocks do
    std::optional<Steady> seen_at;  // nothing: never, or nobody knows
  };
  using Key = std::pair<std::string, std::string>;  // product, device

  static Duration age(const Sent& sent, const Moment& now);
  static void follow(Record& record, const Target& target, const Moment& now, Standing& standing);
  static void forget_old(std::vector<Sent>& sent, Duration span, const Moment& now);
  static storage::WakeUp& kept(Record& record);
  void hold_for_budget(const Record& record, const Target& target, const Moment& now,
                       Standing& standing);

  std::uint64_t per_hour_;
  std::map<Key, Record> records_;
  std::vector<Sent> last_hour_;  // of all devices, oldest first
};

// The pause after so many wake-ups for one release; at least one.
Duration pause_after(const config::WakeSettings& settings, std::uint64_t attempts);

}  // namespace ferry::wake
