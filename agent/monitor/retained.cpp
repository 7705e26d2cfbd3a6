#include "agent/monitor/retained.hpp"

#include <utility>

namespace ferry::monitor {

void Retained::set(const std::string& topic, std::string payload) {
  if (const auto found = entries_.find(topic); found != entries_.end()) {
    if (found->second.payload == payload) return;
    forget(topic);
  }
  const std::uint64_t turn = ++turns_;
  entries_[topic] = {std::move(payload), turn};
  by_turn_[turn] = topic;
  waiting_[turn] = topic;
  if (entries_.size() > limit_) forget(std::string(by_turn_.begin()->second));
}

std::optional<Retained::Message> Retained::next() {
  if (waiting_.empty()) return std::nullopt;
  const std::string topic = waiting_.begin()->second;
  waiting_.erase(waiting_.begin());
  return Message{topic, entries_[topic].payload};
}

void Retained::send_all() {
  waiting_ = by_turn_;
}

void Retained::forget(const std::string& topic) {
  const auto found = entries_.find(topic);
  by_turn_.erase(found->second.turn);
  waiting_.erase(found->second.turn);
  entries_.erase(found);
}

}  // namespace ferry::monitor
