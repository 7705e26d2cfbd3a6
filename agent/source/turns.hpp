// Which source goes first where several want to fetch at the same time.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

namespace ferry::source {

// Thread-safe. While a source has its turn, those of lower priority give way; others do not wait
// for each other.
class Turns {
 public:
  // The turn of one source, for as long as it lives. Must not outlive the Turns.
  class Turn {
   public:
    Turn(Turn&& other) noexcept : turns_(other.turns_), at_(other.at_) { other.turns_ = nullptr; }
    Turn& operator=(Turn&&) = delete;
    ~Turn();

   private:
    friend class Turns;
    using Place = std::multimap<unsigned, std::string>::iterator;
    Turn(Turns& turns, Place at) : turns_(&turns), at_(at) {}
    Turns* turns_;
    Place at_;
  };

  Turn take(unsigned priority, const std::string& source);
  // A source of higher priority that has its turn now; "" when there is none.
  std::string first_before(unsigned priority) const;
  // Blocks while there is one; false when `stop` came first.
  bool wait(unsigned priority, const std::stop_token& stop);

 private:
  std::string first_before_locked(unsigned priority) const;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<unsigned, std::string> fetching_;  // by priority
};

}  // namespace ferry::source
