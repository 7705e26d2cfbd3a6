// The book of deliveries: those that are open and the last ones that ended, device by device, and
// what follows for the row when something happens to one. Pure: no clock, no store.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/delivery/transitions.hpp"
#include "base/clock.hpp"
#include "base/digest.hpp"
#include "storage/store.hpp"

namespace ferry::delivery {

using storage::Delivery;
using storage::DeliveryMode;
using Steady = std::chrono::steady_clock::time_point;

// Now, by both clocks: the wall's for people and for what survives a restart, the steady one for
// durations, since the wall's may jump.
struct Moment {
  Time wall{};
  Steady steady{};
};

// What changed and has to be kept: the row, and the events that go with it in the same transaction.
struct Change {
  Delivery delivery;
  std::vector<storage::Event> events;
};

// An artifact that the device has to fetch for its offer, or is brought.
struct Piece {
  Sha256 sha256;
  std::uint64_t size = 0;
};

// How many devices have come how far with one release.
struct Tally {
  std::size_t begun = 0;  // whatever is not waiting or cancelled
  std::size_t ended = 0;  // of those
};

// A delivery and what is known of it while the agent runs.
struct Entry {
  struct Piecewise {
    std::uint64_t size = 0;
    std::uint64_t acknowledged = 0;
    bool done = false;
  };

  Delivery delivery;
  std::map<Sha256, Piecewise> pieces;
  Steady since{};          // in this state
  Steady retry_at{};       // no step before
  Steady kept_at{};        // its bytes were written
  unsigned fruitless = 0;  // steps in a row that were lost without a byte
  bool moved = false;      // bytes arrived since its step began
};

// What happened to deliveries since the book was opened. None of it ever goes down.
struct DeliveryCounts {
  std::map<std::string, std::uint64_t, std::less<>> told;  // by the kind of event
  std::uint64_t retries = 0;  // steps that failed and are tried again, by policy or an operator
  std::uint64_t losses = 0;   // steps broken off because the device or its link went away
};

class Book {
 public:
  // Starts from the deliveries that the store has, in any order. Those that were with a transport
  // are so no more: what was transferring waits, what was confirming is on trial.
  explicit Book(std::vector<Delivery> stored, Moment now = {});
  Book(Book&&) = default;
  Book& operator=(Book&&) = default;

  // Valid until the entry's device gets its next delivery.
  Entry* find(std::uint64_t id);
  Entry* find(const std::string& product, const std::string& device, std::uint64_t id);
  // The newest of this version; null when there is none.
  Entry* newest_of(const std::string& product, const std::string& device,
                   const std::string& version);
  const Entry* newest_of(const std::string& product, const std::string& device,
                         const std::string& version) const;
  // Oldest first.
  std::list<Entry>& of(const std::string& product, const std::string& device);

  // The delivery of `version` to this device that has not ended, or null.
  const Delivery* open_delivery(const std::string& product, const std::string& device,
                                const std::string& version) const;
  // The newest delivery of a device, or null.
  const Delivery* newest(const std::string& product, const std::string& device) const;
  // Those that have not ended, and all that are remembered.
  std::vector<Delivery> open() const;
  std::vector<Delivery> known() const;
  std::size_t open_count() const;
  const DeliveryCounts& counts() const { return counts_; }
  Tally tally(const std::string& product, const std::string& version) const;

  // Knows a delivery from now on; its row has its id already. What is known already is left alone.
  Entry& add(const Delivery& delivery, Moment now);
  // What has to go over for it; one that is known keeps how far it has come.
  static void set_pieces(Entry& entry, const std::vector<Piece>& pieces);
  // What follows from the trigger; nothing when it has no place in the entry's state. `proven` is
  // what the event says of the device's word.
  std::optional<Change> apply(Entry& entry, Trigger trigger, Moment now, bool proven = false);
  template <typename Visit>
  void for_each(Visit visit) {
    for (auto& [key, list] : entries_) {
      for (Entry& entry : list) visit(entry);
    }
  }

 private:
  using Key = std::pair<std::string, std::string>;  // product, device; or product, version

  static void count(Tally& tally, DeliveryState state, bool in);
  void forget_old(std::list<Entry>& list);

  std::map<Key, std::list<Entry>> entries_;
  std::map<Key, Tally> tallies_;
  DeliveryCounts counts_;
};

// An event about a delivery.
storage::Event event_of(std::string_view kind, const Delivery& delivery, bool proven, Time now);

// How long ago something was that a row tells of, by a clock that may have jumped meanwhile: not
// before the clock was set, and never less than nothing.
Duration elapsed_since(Time then, Time now);

}  // namespace ferry::delivery
