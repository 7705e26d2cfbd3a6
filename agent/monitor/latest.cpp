#include "agent/monitor/latest.hpp"

namespace ferry::monitor {

void Latest::set(const std::string& topic, std::string payload) {
  put(topic, std::move(payload), false);
}

void Latest::finish(const std::string& topic, std::string payload) {
  put(topic, std::move(payload), true);
}

bool Latest::is_open(const std::string& topic) const {
  const auto found = entries_.find(topic);
  return found != entries_.end() && !found->second.last;
}

void Latest::put(const std::string& topic, std::string payload, bool last) {
  Entry entry;
  if (const auto found = entries_.find(topic); found != entries_.end()) {
    if (found->second.payload == payload && !last) return;
    entry.not_before = found->second.not_before;
    forget(topic);
  }
  entry.payload = std::move(payload);
  entry.turn = ++turns_;
  entry.last = last;
  if (last) entry.not_before = {};
  by_turn_[entry.turn] = topic;
  queue(entry, topic);
  entries_[topic] = std::move(entry);
  if (entries_.size() > limit_) forget(std::string(by_turn_.begin()->second));
}

void Latest::queue(const Entry& entry, const std::string& topic) {
  if (entry.not_before == Steady{}) {
    ready_[entry.turn] = topic;
  } else {
    later_[{entry.not_before, entry.turn}] = topic;
  }
}

std::optional<Message> Latest::next(Steady now) {
  while (!later_.empty() && later_.begin()->first.first <= now) {
    const auto node = later_.extract(later_.begin());
    ready_[node.key().second] = node.mapped();
  }
  if (ready_.empty()) return std::nullopt;
  const std::string topic = ready_.begin()->second;
  ready_.erase(ready_.begin());
  Entry& entry = entries_[topic];
  entry.not_before = now + interval_;
  Message message{topic, entry.payload, retain_};
  if (entry.last) forget(topic);
  return message;
}

std::optional<Steady> Latest::due() const {
  if (!ready_.empty()) return Steady{};
  if (later_.empty()) return std::nullopt;
  return later_.begin()->first.first;
}

void Latest::send_all() {
  ready_ = by_turn_;
  later_.clear();
  for (auto& [topic, entry] : entries_) entry.not_before = {};
}

void Latest::forget(const std::string& topic) {
  const auto found = entries_.find(topic);
  by_turn_.erase(found->second.turn);
  ready_.erase(found->second.turn);
  later_.erase({found->second.not_before, found->second.turn});
  entries_.erase(found);
}

}  // namespace ferry::monitor
