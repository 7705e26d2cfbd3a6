// The life of a delivery as one table: which trigger leads from which state to which, and what is
// told of it. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "storage/store.hpp"

namespace ferry::delivery {

using storage::DeliveryState;

// What happens to a delivery.
enum class Trigger {
  offer,      // a device that asks was given the offer
  begin,      // its transfer was given to a transport
  arrive,     // bytes were acknowledged by the device's end
  complete,   // all of it is on the device, by the device's word or the link's
  missing,    // the device does not have it any more
  activate,   // the device was told to start it, or is seen running it on trial
  confirm,    // the device is being told to keep it
  run,        // the device runs it for good
  go_back,    // the device went back to what it had
  lose,       // the device went away in mid-step
  fail_once,  // a step failed and will be tried again
  give_up,    // it failed for good
  expire,     // nothing was heard for too long
  follow,     // a newer offer took its place while the device may still install this one
  cancel,     // an operator does not want it, or another took its place in time
  again,      // an operator wants another try
};
inline constexpr std::size_t triggers = 16;
std::string_view to_string(Trigger trigger);

struct Transition {
  DeliveryState to = DeliveryState::unknown;
  std::string_view event;  // its kind in the outbox; "" when it is not worth one
};

// Nothing when the trigger has no place in that state: then it changes nothing.
std::optional<Transition> transition(DeliveryState from, Trigger trigger);

// It is over, unless an operator or the device itself says otherwise.
bool ended(DeliveryState state);

}  // namespace ferry::delivery
