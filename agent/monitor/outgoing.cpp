#include "agent/monitor/outgoing.hpp"

#include <utility>

namespace ferry::monitor {

void Outgoing::set_state(const std::string& topic, std::string payload) {
  const std::lock_guard lock(mutex_);
  state_.set(topic, std::move(payload));
}

void Outgoing::set_device(const std::string& topic, std::string payload) {
  const std::lock_guard lock(mutex_);
  devices_.set(topic, std::move(payload));
}

void Outgoing::set_entity(const std::string& topic, std::string payload) {
  const std::lock_guard lock(mutex_);
  entities_.set(topic, std::move(payload));
}

void Outgoing::set_transfer(const std::string& topic, std::string payload, bool over) {
  const std::lock_guard lock(mutex_);
  if (over) {
    transfers_.finish(topic, std::move(payload));
  } else {
    transfers_.set(topic, std::move(payload));
  }
}

bool Outgoing::tells_transfer(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  return transfers_.is_open(topic);
}

void Outgoing::add_reply(const std::string& topic, std::string payload) {
  const std::lock_guard lock(mutex_);
  if (replies_.size() >= most_replies) replies_.pop_front();
  replies_.push_back({topic, std::move(payload), false});
}

void Outgoing::add_wake(const std::string& topic, std::string payload) {
  const std::lock_guard lock(mutex_);
  if (wakes_.size() < most_wakes) wakes_.push_back({topic, std::move(payload), false});
}

std::optional<Message> Outgoing::next(Steady now) {
  const std::lock_guard lock(mutex_);
  for (auto* queue : {&replies_, &wakes_}) {
    if (queue->empty()) continue;
    Message message = std::move(queue->front());
    queue->pop_front();
    return message;
  }
  if (auto message = state_.next(now)) return message;
  if (auto message = devices_.next(now)) return message;
  if (auto message = entities_.next(now)) return message;
  return transfers_.next(now);
}

std::optional<Steady> Outgoing::due() const {
  const std::lock_guard lock(mutex_);
  if (!replies_.empty() || !wakes_.empty()) return Steady{};
  std::optional<Steady> first;
  for (const Latest* latest : {&state_, &devices_, &entities_, &transfers_}) {
    const auto due = latest->due();
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

void Outgoing::send_all() {
  const std::lock_guard lock(mutex_);
  state_.send_all();
  devices_.send_all();
  entities_.send_all();
  transfers_.send_all();
  wakes_.clear();
}

}  // namespace ferry::monitor
