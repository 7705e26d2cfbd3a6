// Messages of which only the latest of each topic counts: what the broker retains, and how far
// transfers have come. Says which of them the broker lacks, and when each may go. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"

namespace ferry::monitor {

using Steady = std::chrono::steady_clock::time_point;

struct Message {
  std::string topic;
  std::string payload;  // "" removes what the broker retains
  bool retain = false;
};

// Not thread-safe.
class Latest {
 public:
  // At most `limit` topics are kept; the one set longest ago makes room. One topic goes out at most
  // once in `interval`.
  Latest(std::size_t limit, Duration interval, bool retain)
      : limit_(limit), interval_(interval), retain_(retain) {}

  // The payload that was set last is the one that goes out; equal ones do not go out again.
  void set(const std::string& topic, std::string payload);
  // The last of a topic: it goes out without waiting for the interval, then is forgotten.
  void finish(const std::string& topic, std::string payload);
  // It was set, and nobody has finished it.
  bool is_open(const std::string& topic) const;
  // The next message that the broker lacks and that may go now, in the order in which they changed.
  std::optional<Message> next(Steady now);
  // When next() has something; nothing when it will not by itself.
  std::optional<Steady> due() const;
  // The broker may have lost everything: all are to be sent again, at once.
  void send_all();
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string payload;
    std::uint64_t turn = 0;
    Steady not_before{};
    bool last = false;
  };

  void put(const std::string& topic, std::string payload, bool last);
  void forget(const std::string& topic);
  void queue(const Entry& entry, const std::string& topic);

  std::size_t limit_;
  Duration interval_;
  bool retain_;
  std::uint64_t turns_ = 0;
  std::map<std::string, Entry> entries_;
  std::map<std::uint64_t, std::string> by_turn_;  // every topic, the one set longest ago first
  std::map<std::uint64_t, std::string> ready_;    // of these, what may go
  std::map<std::pair<Steady, std::uint64_t>, std::string> later_;  // and what may go at that time
};

}  // namespace ferry::monitor
