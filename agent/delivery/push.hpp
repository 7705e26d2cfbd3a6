// Deliveries to devices that are told what to do: what is seen of such a device, the step that
// follows, and what an outcome means. Pure: no clock, no store.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/delivery/book.hpp"
#include "agent/delivery/policy.hpp"

namespace ferry::delivery {

// What a device shows of a delivery.
enum class Sight {
  nothing,  // it tells neither version nor image
  other,    // it runs something else
  holds,    // something else, with the delivery's image waiting in its other slot
  trial,    // it runs the delivery's image, and would go back at its next start
  runs      // it runs the delivery's image or version
};
Sight sight_of(const Delivery& delivery, const DeviceClaim& device);

// A device that was told to start the new image may be seen once more before it does so.
inline constexpr Duration restart_time = std::chrono::seconds(2);

class PushTracker {
 public:
  // `book` outlives it.
  explicit PushTracker(Book& book) : book_(book) {}

  // What follows from how the device shows itself, for each of its pushed deliveries that no
  // transport has in hand.
  std::vector<Change> seen(const config::ProductSettings& settings, const DeviceClaim& device,
                           Moment now);
  // The step that would bring the delivery on; nothing when it is the device's turn, or over.
  std::optional<StepKind> step(const config::ProductSettings& settings, const Entry& entry,
                               const DeviceClaim& device) const;
  // Why there is no step although the delivery is open.
  static std::string idle_reason(const config::ProductSettings& settings, const Entry& entry);
  // The step was handed out.
  std::optional<Change> begin(Entry& entry, StepKind step, Moment now);
  // Bytes were acknowledged by the device's end; its word counts, also when it is less than
  // before. A change when the state is new, or when none was kept for half a minute.
  std::optional<Change> progress(Entry& entry, const formats::link::Progress& message, Moment now);
  std::optional<Change> outcome(const config::ProductSettings& settings, Entry& entry,
                                const formats::link::Outcome& message, Moment now);
  // The transport that had it in hand is gone, or the device asks anew.
  std::optional<Change> lose(Entry& entry, Moment now);
  // A device that does not come back, or runs on trial for too long.
  std::vector<Change> expire(const std::map<std::string, Duration>& confirm_within, Moment now);

 private:
  std::optional<Change> fail_attempt(const config::ProductSettings& settings, Entry& entry,
                                     const formats::link::Outcome& message, Trigger otherwise,
                                     Moment now);

  Book& book_;
};

}  // namespace ferry::delivery
