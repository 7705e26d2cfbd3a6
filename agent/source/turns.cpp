#include "agent/source/turns.hpp"

namespace ferry::source {

Turns::Turn::~Turn() {
  if (turns_ == nullptr) return;
  const std::lock_guard lock(turns_->mutex_);
  turns_->fetching_.erase(at_);
  turns_->changed_.notify_all();
}

Turns::Turn Turns::take(unsigned priority, const std::string& source) {
  const std::lock_guard lock(mutex_);
  return Turn(*this, fetching_.emplace(priority, source));
}

std::string Turns::first_before_locked(unsigned priority) const {
  if (fetching_.empty() || fetching_.rbegin()->first <= priority) return "";
  return fetching_.rbegin()->second;
}

std::string Turns::first_before(unsigned priority) const {
  const std::lock_guard lock(mutex_);
  return first_before_locked(priority);
}

bool Turns::wait(unsigned priority, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  return changed_.wait(lock, stop, [&] { return first_before_locked(priority).empty(); });
}

}  // namespace ferry::source
