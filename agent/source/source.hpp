// Where releases come from: one interface for all kinds of sources.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/source/room.hpp"
#include "agent/source/trusted_time.hpp"
#include "agent/source/turns.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "storage/store.hpp"

namespace ferry::source {

// How much of a budget is used.
struct BudgetUse {
  std::uint64_t bytes = 0;  // of the budget
  std::uint64_t used = 0;   // in the present period
  Time until{};             // the period's end
};

// How one synchronization is going; for the state and for ferryctl.
struct Progress {
  std::string artifact;  // name in its release, "" when nothing is being fetched
  std::string release;   // "product version"
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_fetched =
      0;               // since the process started, as the link or the medium gave them
  bool waits = false;  // nothing is fetched now: window or budget
  std::optional<BudgetUse> budget;
};

// How far the word of a source goes at a moment.
enum class Standing {
  valid,    // or it has no end
  expired,  // nothing new is taken; what was taken in time is offered on
  lapsed    // expired for longer than its grace: nothing of it is offered
};

// Pure.
Standing standing_of(const config::SourceSettings& settings, Time trusted_until, Time now);

struct Report {
  std::uint64_t releases_admitted = 0;
  std::uint64_t bytes_fetched = 0;  // from the link or the medium, resumed parts not counted again
  bool unchanged = false;           // nothing new upstream
};

// One source. sync() is called on the source's own thread, which may block; the other functions
// from any.
class Source {
 public:
  virtual ~Source() = default;
  // Makes the store hold what the source has: fetches what is missing, checks it, seals it, admits
  // complete releases one by one. Stops soon after `stop` was requested, keeping what was
  // committed. An error of one release does not keep the others from being fetched; the first is
  // returned at the end.
  virtual Result<Report> sync(std::stop_token stop) = 0;
  // Blocks until there may be something new before the interval is over (inotify), until
  // `deadline`, or until `stop`; true when woken by the medium.
  virtual bool wait(std::stop_token stop, Duration longest) = 0;
  virtual Progress progress() const = 0;
  // What it remembers, as it would be written to the store now.
  virtual storage::SourceState state() const = 0;
};

struct Context {
  storage::Store& store;
  const Clock& clock;
  TrustedTime& time;
  // Makes room; outlives the sources.
  RoomKeeper& room;
  Turns& turns;  // of all sources; outlives them
  // Called on the source's thread after each admitted release.
  std::function<void()> admitted;
  // Called on the source's thread when the release of a job for a device is here, so that it is
  // what the device gets; with `wanted` false when the job was taken back. May be empty.
  std::function<void(const storage::Job&, bool wanted)> assign = {};
  // Called on the source's thread with the length of each piece of an artifact that came in, before
  // it is stored. May be empty.
  std::function<void(std::size_t)> received = {};
};

Result<std::unique_ptr<Source>> make_source(const config::SourceSettings& settings,
                                            const Context& context);

}  // namespace ferry::source
