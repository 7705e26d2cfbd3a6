// How much to send at once, and how long to wait: both learned from what comes back. Pure.
// Internal to this room.
#pragma once

#include <cstddef>
#include <vector>

#include "transports/smp/operation.hpp"

namespace ferry::smp {

// A ladder from the largest window and packet down to one packet of a few bytes: first the window
// shrinks, then the packet. Trouble goes down; a long run without any goes up again, and the longer
// the more often going up was a mistake.
class Pace {
 public:
  // `down`: steps below the top to begin at.
  Pace(const ClientOptions& options, const Parameters& parameters, int down);

  std::size_t window() const { return ladder_[at_].window; }  // packets without an answer
  std::size_t packet() const { return ladder_[at_].packet; }  // bytes, header included
  int down() const { return static_cast<int>(at_); }

  void accepted();  // a packet arrived
  void gap();       // one was lost, but the next one came: noise, or a line too many
  void trouble();   // silence, or no memory

 private:
  struct Step {
    std::size_t window = 1;
    std::size_t packet = 0;
  };
  std::vector<Step> ladder_;  // never empty
  std::size_t at_ = 0;
  unsigned run_ = 0;       // packets accepted since the last change or gap
  unsigned patience_;      // the run after which to try one step up
  unsigned since_gap_;     // packets accepted since the last gap
  bool on_trial_ = false;  // the present step was reached from below
};

// Round trip times as TCP measures them (RFC 6298), with a floor that rises when an answer comes
// after it was given up.
class RoundTrip {
 public:
  explicit RoundTrip(const ClientOptions& options)
      : least_(options.minimum_timeout), most_(options.timeout) {}

  Milliseconds timeout() const;
  void measured(Milliseconds time);
  void late(Milliseconds time);  // measured, of what had been given up
  void silence() { backoff_ = backoff_ < 4 ? backoff_ + 1 : backoff_; }

 private:
  Milliseconds least_;
  Milliseconds most_;
  double smooth_ = -1;  // ms; below 0 nothing measured yet
  double variation_ = 0;
  int backoff_ = 0;
};

}  // namespace ferry::smp
