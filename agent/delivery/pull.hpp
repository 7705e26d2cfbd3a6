// Deliveries that devices pull. Such a device reports nothing, so how far it has come is told from
// what it asks: transferred when the last byte was acknowledged by its end, installed when it asks
// again with the new version, unknown when it does not within the product's time. Pure: no clock,
// no store.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "formats/link_messages.hpp"
#include "storage/store.hpp"

namespace ferry::delivery {

// What changed and has to be kept: the row, and the events that go with it in the same transaction.
struct Change {
  storage::Delivery delivery;
  std::vector<storage::Event> events;
};

// An artifact that the device has to fetch for its offer.
struct Piece {
  Sha256 sha256;
  std::uint64_t size = 0;
};

class PullTracker {
 public:
  // Starts from the deliveries that the store has.
  explicit PullTracker(const std::vector<storage::Delivery>& stored);

  // The delivery of `version` to this device that has not ended, or null.
  const storage::Delivery* open_delivery(const std::string& product, const std::string& device,
                                         const std::string& version) const;
  // Knows a delivery from now on, with what the device has to fetch; its row has its id already.
  // One that is known keeps how far it has come.
  // Gives the device's other transfers, which end here: it is to have this version now.
  std::vector<Change> adopt(const storage::Delivery& delivery, const std::vector<Piece>& pieces,
                            Time now);

  // True when some open delivery of this device waits for these bytes.
  bool expects(const formats::link::DeviceClaim& device, const Sha256& sha256) const;
  // Bytes were acknowledged by the device's end. A change only when the state or an artifact's end
  // is new.
  std::optional<Change> progress(const formats::link::Progress& message, Time now);
  // The device told an outcome itself, or its link did.
  std::optional<Change> outcome(const formats::link::Outcome& message, Time now);
  // The device showed itself with a version.
  std::vector<Change> seen(const formats::link::DeviceClaim& device, Time now);
  // Deliveries in which nothing happened for so long that nothing more is to be expected. Those
  // whose time is from before the clock was set count from now on.
  std::vector<Change> expire(const std::map<std::string, Duration>& report_within, Time now);

  // The newest delivery of a device, or null.
  const storage::Delivery* newest(const std::string& product, const std::string& device) const;
  // Those that have not ended, and all that are remembered.
  std::vector<storage::Delivery> open() const;
  std::vector<storage::Delivery> known() const;

 private:
  struct Piecewise {
    std::uint64_t size = 0;
    std::uint64_t acknowledged = 0;
    bool done = false;
  };
  struct Entry {
    storage::Delivery delivery;
    std::map<Sha256, Piecewise> pieces;
  };
  using Key = std::pair<std::string, std::string>;  // product, device

  const Entry* find(const formats::link::DeviceClaim& device, const Sha256& sha256) const;

  std::map<Key, std::vector<Entry>> entries_;
};

}  // namespace ferry::delivery
