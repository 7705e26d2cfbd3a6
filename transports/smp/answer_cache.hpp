// Answers kept for requests that come again: their answer was lost. Pure. Internal to this room.
#pragma once

#include <deque>
#include <string>

#include "transports/smp/operation.hpp"

namespace ferry::smp {

class AnswerCache {
 public:
  AnswerCache(std::size_t limit, Milliseconds window) : limit_(limit), window_(window) {}

  void keep(std::string request, std::string answer, TimePoint now) {
    if (limit_ == 0) return;
    if (kept_.size() >= limit_) kept_.pop_front();
    kept_.push_back({std::move(request), std::move(answer), now});
  }
  // Null when this very request was not answered within the window. A device that numbers its
  // requests all alike asks again later in earnest.
  const std::string* find(std::string_view request, TimePoint now) const {
    for (const Kept& kept : kept_) {
      if (kept.request == request && now - kept.at < window_) return &kept.answer;
    }
    return nullptr;
  }
  void clear() { kept_.clear(); }

 private:
  struct Kept {
    std::string request;
    std::string answer;
    TimePoint at;
  };
  std::size_t limit_;
  Milliseconds window_;
  std::deque<Kept> kept_;
};

}  // namespace ferry::smp
