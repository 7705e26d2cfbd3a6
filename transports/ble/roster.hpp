// Which of the devices around is visited next, and by which adapter. Pure: knows no clock and no
// radio. Single-threaded.
//
// A device is visited after it was seen, and again only after it was seen again: one that left
// costs one attempt. Those that were reset come first, then those that waited for longest.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "transports/ble/radio.hpp"

namespace ferry::ble {

struct RosterOptions {
  std::size_t connections = 1;                         // at once on each adapter; at least 1
  Duration visit_interval = std::chrono::minutes(15);  // when a device needed nothing
  std::size_t most_devices = 256;
};

enum class VisitEnd {
  satisfied,  // nothing is to be done with it now
  returning,  // it was reset
  lost,       // the link went away in mid-step
  failed,     // it could not be reached, or is not what it seemed
  refused,    // it is not let in: it would be the same again, whatever is new
};

struct Visit {
  Address address;
  AdapterNumber adapter = 0;
  int signal = 0;  // dBm; 0 unknown
};

class Roster {
 public:
  explicit Roster(const RosterOptions& options) : options_(options) {}

  // Visits on others go on until they end.
  void set_adapters(const std::vector<AdapterNumber>& adapters);
  // False: there is no room for one more device.
  bool seen(AdapterNumber adapter, const Address& address, int signal, TimePoint now);

  // The visit that begins now; it must end by ended(). Call it again until there is none.
  std::optional<Visit> next(TimePoint now);
  // When next() may have one without anything happening before.
  std::optional<TimePoint> due(TimePoint now) const;
  // For `linger` device and adapter are still held by the link; see Radio::linger().
  void ended(const Address& address, VisitEnd end, Duration linger, TimePoint now);
  // There may be something new for every device.
  void wake(TimePoint now);

  std::size_t size() const { return devices_.size(); }

 private:
  struct Sighting {
    TimePoint at;
    int signal = 0;
  };
  struct Device {
    std::map<AdapterNumber, Sighting> sightings;  // the last ones
    TimePoint seen_at;
    TimePoint due;
    TimePoint held_until;                 // by the link of the last visit, which lingers
    std::optional<TimePoint> visited_at;  // when the last visit ended
    std::optional<AdapterNumber> visiting;
    bool returning = false;
    int failures = 0;  // in a row
  };
  struct Adapter {
    std::size_t visits = 0;
    std::vector<TimePoint> lingering;  // until when
  };

  bool make_room(TimePoint now);
  void forget_old(TimePoint now);
  std::size_t load(const Adapter& adapter, TimePoint now) const;
  const Sighting* usable(const Device& device, AdapterNumber adapter, TimePoint now) const;
  std::optional<AdapterNumber> adapter_for(const Device& device, TimePoint now) const;
  static bool goes_before(const Device& one, const Device& other);

  const RosterOptions options_;
  std::map<Address, Device> devices_;
  std::map<AdapterNumber, Adapter> adapters_;
};

}  // namespace ferry::ble
