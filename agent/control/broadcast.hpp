// What watchers get: events at once, progress thinned out, each watcher's backlog bounded. No
// sockets.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "formats/json.hpp"

namespace ferry::control {

// One watcher's lines that wait to be written.
struct Watcher {
  std::deque<std::shared_ptr<const std::string>> lines;  // each ends in '\n'
  std::size_t bytes = 0;
  bool dropped = false;        // lags too far behind
  bool gone = false;           // has hung up
  std::function<void()> wake;  // called when something above changed
};

// Not thread-safe.
class Broadcast {
 public:
  Broadcast(std::size_t backlog, const Clock& clock) : backlog_(backlog), clock_(clock) {}

  std::shared_ptr<Watcher> join(std::function<void()> wake);
  void leave(const std::shared_ptr<Watcher>& watcher);
  std::size_t size() const { return watchers_.size(); }

  // One line to one watcher: what it sees first.
  void greet(Watcher& watcher, const std::string& kind, const formats::Json& value);
  void event(const std::string& kind, const std::string& id, const formats::Json& value);
  // Kept until flush(), the latest of each object; true when it is the first that waits.
  bool progress(const std::string& kind, const std::string& id, formats::Json value);
  void flush();

 private:
  using Key = std::pair<std::string, std::string>;
  static constexpr std::size_t most_waiting = 1000;  // objects; more than a screen can show

  std::shared_ptr<const std::string> line(const Key& key, const formats::Json& value) const;
  void send(const std::shared_ptr<const std::string>& line);
  void add(Watcher& watcher, const std::shared_ptr<const std::string>& line) const;

  std::size_t backlog_;
  const Clock& clock_;
  std::vector<std::shared_ptr<Watcher>> watchers_;
  std::map<Key, formats::Json> waiting_;
};

}  // namespace ferry::control
