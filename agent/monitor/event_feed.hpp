// The outbox as a queue to a broker that may be lost at any moment: reads in batches, since the
// store is slow, and forgets an event only when it was acknowledged.
#pragma once

#include <deque>
#include <optional>

#include "storage/store.hpp"

namespace ferry::monitor {

// Not thread-safe; belongs to the thread that talks to the broker.
class EventFeed {
 public:
  static constexpr std::size_t batch = 500;

  explicit EventFeed(storage::Outbox& outbox) : outbox_(outbox) {}

  // A new connection: everything that was not acknowledged goes out again, from the oldest on.
  void rewind();
  // There may be more in the outbox than was seen when it was last found empty.
  void refill() { drained_ = false; }
  // The next event to send, or nothing for now.
  Result<std::optional<storage::Event>> next();

 private:
  storage::Outbox& outbox_;
  std::deque<storage::Event> ready_;
  std::uint64_t last_read_ = 0;
  bool drained_ = false;
};

}  // namespace ferry::monitor
