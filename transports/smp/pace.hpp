// How much to send at once, and how long to wait: both learned from what comes back. Pure.
// Internal to this room.
#pragma once

#include <cstddef>
#include <vector>

#include "transports/smp/operation.hpp"

namespace ferry::smp {

// Window and packet size. Three things speak for less than the device says it can take:
// - noise, which costs long packets more than short ones: of the sizes there are, the one is taken
//   that brings the most bytes across at the present rate of losses;
// - losses on links where packets are dear: what is on its way behind a lost one is sent in vain;
// - a device that is overtaxed: no memory, silence after a full window, silence again and again.
//   Then the window shrinks, then the packet. A long run without such trouble goes up again, and
//   the longer the more often that was a mistake.
class Pace {
 public:
  Pace(const ClientOptions& options, const Parameters& parameters, const Learned& learned);

  std::size_t window() const;  // packets without an answer
  std::size_t packet() const;  // bytes, header included
  void tell(Learned& learned) const;

  void accepted();  // a packet arrived
  void gap();       // one was lost, but the next one came
  // `packets` were on their way and nothing came back, for the n-th time in a row.
  void silence(std::size_t packets, int in_a_row);
  void no_memory();  // the device says so

 private:
  void account(bool lost);
  double worth(std::size_t packet) const;
  void step_down();
  void step_up();

  std::vector<std::size_t> windows_;  // the largest first; neither is ever empty
  std::vector<std::size_t> packets_;
  std::size_t window_at_ = 0;  // what the device can take
  std::size_t packet_at_ = 0;  // likewise
  std::size_t best_ = 0;       // what the noise leaves best
  double bytes_;               // sent lately, older ones counting less
  double losses_ = 0;          // packets lost of them
  double packets_lately_;      // likewise, and
  double lost_lately_ = 0;     // with a longer memory
  const bool whole_packets_;   // as ClientOptions::loses_whole_packets
  const double by_losses_;     // as ClientOptions::window_by_losses
  double stalls_ = 0;          // share of full windows that ended in silence
  unsigned run_ = 0;           // packets accepted since the last step or trouble
  unsigned patience_;          // the run after which to try one step up
  bool on_trial_ = false;      // the present step was reached from below
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
  void silence() { backoff_ = backoff_ < 2 ? backoff_ + 1 : backoff_; }

 private:
  Milliseconds least_;
  Milliseconds most_;
  double smooth_ = -1;  // ms; below 0 nothing measured yet
  double variation_ = 0;
  int backoff_ = 0;
};

}  // namespace ferry::smp
