#include "agent/monitor/event_feed.hpp"

#include <utility>

namespace ferry::monitor {

void EventFeed::rewind() {
  ready_.clear();
  last_read_ = 0;
  drained_ = false;
}

Result<std::optional<storage::Event>> EventFeed::next() {
  if (ready_.empty() && !drained_) {
    auto waiting = outbox_.waiting(last_read_, batch);
    if (!waiting) return fail(waiting.error());
    drained_ = waiting->size() < batch;
    if (!waiting->empty()) last_read_ = waiting->back().sequence;
    for (storage::Event& event : *waiting) ready_.push_back(std::move(event));
  }
  if (ready_.empty()) return std::optional<storage::Event>();
  std::optional<storage::Event> event(std::move(ready_.front()));
  ready_.pop_front();
  return event;
}

}  // namespace ferry::monitor
