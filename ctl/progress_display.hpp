// Running transfers on a terminal, redrawn in place below the lines of what happened; plain lines
// elsewhere.
#pragma once

#include <cstdio>
#include <map>
#include <string>

#include "ctl/event_line.hpp"
#include "ctl/rate.hpp"

namespace ferry::ctl {

// "source cloud  fetching …  12.0 MiB of 64.0 MiB, 18%, 1.2 MiB/s, 43 s left"
std::string transfer_text(const EventLine& line, const RateEstimator& rate);

// Not thread-safe.
class ProgressDisplay {
 public:
  using Moment = RateEstimator::Moment;

  // On a terminal of `width` columns; 0 for a file or a pipe.
  ProgressDisplay(std::FILE* out, unsigned width) : out_(out), width_(width) {}
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;
  ~ProgressDisplay() { erase(); }

  // What happened; ends the transfer of its subject. `stamp` stands in front.
  void happened(const EventLine& line, const std::string& stamp);
  void moved(const EventLine& line, const std::string& stamp, Moment now);
  // Time passes without news: rates fall.
  void refresh(Moment now);

 private:
  struct Transfer {
    EventLine line;
    RateEstimator rate;
    Moment shown{};  // plain lines: when the last was written
  };

  void erase();
  void draw();

  std::FILE* out_;
  unsigned width_;
  std::size_t drawn_ = 0;  // lines on the terminal that will be drawn again
  std::map<std::string, Transfer> transfers_;
};

// The width of the terminal behind `out`, 0 when there is none.
unsigned terminal_width(std::FILE* out);

}  // namespace ferry::ctl
