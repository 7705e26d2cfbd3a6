// When an adapter on which no connection comes up any more is switched off and on: the kernel's or
// a controller's way to connect can get stuck, and power is what frees it. Pure: knows no clock and
// no radio. Single-threaded.
//
// Devices that just left look the same. So it takes several in a row, and is done a few times only,
// further and further apart, until a connection came up again.
#pragma once

#include "transports/ble/radio.hpp"

namespace ferry::ble {

class AdapterRestart {
 public:
  // A connection came up.
  void came_up() { *this = AdapterRestart(); }
  // One did not.
  void failed() { ++failures_; }
  // Whether the adapter is to be restarted now, which must then be done.
  bool due(TimePoint now);
  // Of the restarts since a connection came up, whether due() was about the first.
  bool is_first() const { return restarts_ == 1; }

 private:
  int failures_ = 0;  // in a row, since the last restart
  int restarts_ = 0;  // since a connection came up
  TimePoint not_before_{};
};

}  // namespace ferry::ble
