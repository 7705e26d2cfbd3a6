// Room for what comes, and what is not fetched since nobody needs it. The rules are those of
// agent/catalog/eviction.hpp; this reads what they need and does what they say.
#pragma once

#include <vector>

#include "agent/catalog/eviction.hpp"
#include "agent/source/source.hpp"

namespace ferry::source {

// The catalog as it was when it was looked at. Used on the source's thread.
class Room {
 public:
  static Result<Room> look(const Context& context);

  // A release that was evicted, or for which there was no room, and that still nobody needs.
  // `release` need not have artifacts.
  bool leaves_out(const formats::Release& release) const;
  // Something that was left out is needed now: the upstream's "unchanged" is no answer then.
  bool wants_more() const;
  bool needs(const formats::Release& release) const;

  // What to evict so that `wanted` has the `shortfall` bytes; empty when that much cannot be had.
  std::vector<formats::Release> plan(const formats::Release& wanted, std::uint64_t shortfall) const;

 private:
  explicit Room(const Context& context) : context_(&context) {}
  catalog::Shelf shelf() const { return {releases_, demand_, context_->orders}; }

  const Context* context_;
  std::vector<storage::HeldRelease> releases_;
  std::vector<formats::Release> left_out_;
  catalog::Demand demand_;
};

enum class Made {
  room,     // something was evicted
  nothing,  // there is nothing that nobody needs, or too little
  left_out  // `wanted` is itself not needed, and is left out from now on: nothing goes for it
};

// Evicts what nobody needs so that `shortfall` bytes for `wanted` come free.
Result<Made> make_room(const Context& context, const std::string& source,
                       const formats::Release& wanted, std::uint64_t shortfall);

}  // namespace ferry::source
