#include "agent/control/broadcast.hpp"

#include <algorithm>

namespace ferry::control {

std::shared_ptr<Watcher> Broadcast::join(std::function<void()> wake) {
  auto watcher = std::make_shared<Watcher>();
  watcher->wake = std::move(wake);
  watchers_.push_back(watcher);
  return watcher;
}

void Broadcast::leave(const std::shared_ptr<Watcher>& watcher) {
  std::erase(watchers_, watcher);
  if (watchers_.empty()) waiting_.clear();
}

void Broadcast::greet(Watcher& watcher, const std::string& kind, const formats::Json& value) {
  add(watcher, line({kind, ""}, value));
}

void Broadcast::event(const std::string& kind, const std::string& id, const formats::Json& value) {
  if (watchers_.empty()) return;
  const Key key(kind, id);
  // Older than the event: it would show the object going back.
  waiting_.erase(key);
  send(line(key, value));
}

bool Broadcast::progress(const std::string& kind, const std::string& id, formats::Json value) {
  if (watchers_.empty()) return false;
  const bool first = waiting_.empty();
  Key key(kind, id);
  if (waiting_.size() >= most_waiting && !waiting_.contains(key)) return false;
  waiting_.insert_or_assign(std::move(key), std::move(value));
  return first;
}

void Broadcast::flush() {
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& [key, value] : waiting) send(line(key, value));
}

std::shared_ptr<const std::string> Broadcast::line(const Key& key,
                                                   const formats::Json& value) const {
  const formats::Json event = {{"event", key.first},
                               {"id", key.second},
                               {"time", to_rfc3339(clock_.now())},
                               {"value", value}};
  return std::make_shared<const std::string>(formats::to_text(event) + '\n');
}

void Broadcast::send(const std::shared_ptr<const std::string>& line) {
  for (const auto& watcher : watchers_) add(*watcher, line);
}

void Broadcast::add(Watcher& watcher, const std::shared_ptr<const std::string>& line) const {
  if (watcher.dropped) return;
  if (watcher.bytes + line->size() > backlog_) {
    watcher.dropped = true;
    watcher.lines.clear();
  } else {
    watcher.lines.push_back(line);
    watcher.bytes += line->size();
  }
  watcher.wake();
}

}  // namespace ferry::control
