// Room for what comes, and what is not fetched since nobody needs it: what sources ask of the
// agent. What is needed is the catalog's to say, which no source knows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "formats/release.hpp"

namespace ferry::source {

// The store and its devices as they were when looked at.
class Room {
 public:
  virtual ~Room() = default;
  // A release that was evicted, or for which there was no room, and that still nobody needs.
  // `release` need not have artifacts.
  virtual bool leaves_out(const formats::Release& release) const = 0;
  // Something that was left out is needed now: the upstream's "unchanged" is no answer then.
  virtual bool wants_more() const = 0;
  // For each of `announced`, which need not have artifacts, when a device that waits for it was
  // seen last; Time{} where none does.
  virtual std::vector<Time> awaited(const std::vector<formats::Release>& announced) const = 0;
};

enum class Made {
  room,     // something was evicted
  nothing,  // there is nothing that nobody needs, or too little
  left_out  // the release is itself not needed, and is left out from now on: nothing goes for it
};

// Called on the sources' threads; reads the store, and may block.
class RoomKeeper {
 public:
  virtual ~RoomKeeper() = default;
  virtual Result<std::unique_ptr<const Room>> look() = 0;
  // Evicts what nobody needs so that `shortfall` bytes for `wanted` come free. `source` for the
  // log.
  virtual Result<Made> make(const std::string& source, const formats::Release& wanted,
                            std::uint64_t shortfall) = 0;
};

}  // namespace ferry::source
