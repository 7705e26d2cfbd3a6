// Deliveries that devices pull. Such a device reports nothing, so how far it has come is told from
// what it asks: transferred when the last byte was acknowledged by its end, installed when it asks
// again with the new version, unknown when it does not within the product's time. Pure: no clock,
// no store.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/delivery/book.hpp"
#include "formats/link_messages.hpp"

namespace ferry::delivery {

// Looks after the pulled deliveries of the book; the others are left alone unless said otherwise.
class PullTracker {
 public:
  // `book` outlives it.
  explicit PullTracker(Book& book) : book_(book) {}

  // Knows a delivery from now on, with what the device has to fetch; its row has its id already.
  // One that is known keeps how far it has come.
  // Gives the device's other transfers, which end here: it is to have this version now.
  std::vector<Change> adopt(const Delivery& delivery, const std::vector<Piece>& pieces, Moment now);

  // True when some open delivery of this device waits for these bytes, pulled or pushed.
  bool expects(const formats::link::DeviceClaim& device, const Sha256& sha256) const;
  // Bytes were acknowledged by the device's end. A change only when the state or an artifact's end
  // is new.
  std::optional<Change> progress(const formats::link::Progress& message, Moment now);
  // The device told an outcome itself, or its link did.
  std::optional<Change> outcome(const formats::link::Outcome& message, Moment now);
  // The device showed itself with a version.
  std::vector<Change> seen(const formats::link::DeviceClaim& device, Moment now);
  // Deliveries in which nothing happened for so long that nothing more is to be expected. Those
  // whose time is from before the clock was set count from now on. Those that were pushed to
  // devices that tell nothing of themselves are among them.
  std::vector<Change> expire(const std::map<std::string, Duration>& report_within, Moment now);

 private:
  Book& book_;
};

// The open delivery of this device that waits for these bytes, or null.
Entry* expecting(Book& book, const formats::link::DeviceClaim& device, const Sha256& sha256);

}  // namespace ferry::delivery
