// The retained messages: the latest payload of each topic, and which of them the broker lacks.
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace ferry::monitor {

// Not thread-safe.
class Retained {
 public:
  struct Message {
    std::string topic;
    std::string payload;  // "" removes what the broker retains
  };

  // At most `limit` topics are kept; the one set longest ago makes room.
  explicit Retained(std::size_t limit) : limit_(limit) {}

  // The payload that was set last is the one that goes out; equal ones do not go out again.
  void set(const std::string& topic, std::string payload);
  // The next message that the broker lacks, in the order in which they changed.
  std::optional<Message> next();
  // The broker may have lost everything: all are to be sent again.
  void send_all();
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string payload;
    std::uint64_t turn = 0;
  };

  void forget(const std::string& topic);

  std::size_t limit_;
  std::uint64_t turns_ = 0;
  std::map<std::string, Entry> entries_;
  std::map<std::uint64_t, std::string> by_turn_;  // every topic, the one set longest ago first
  std::map<std::uint64_t, std::string> waiting_;  // of these, what is to be sent
};

}  // namespace ferry::monitor
