// One event of /v1/watch as a line of text. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "formats/json.hpp"

namespace ferry::ctl {

struct EventLine {
  std::string subject;  // "delivery 7", "source cloud": what progress belongs to
  std::string text;
  bool transfer = false;  // bytes are moving, and these are they
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
};

EventLine event_line(const formats::Json& event);

}  // namespace ferry::ctl
