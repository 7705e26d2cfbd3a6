// Runs one source for as long as the agent lives: attempt, wait, attempt again.
#pragma once

#include <memory>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>

#include "agent/source/source.hpp"

namespace ferry::source {

struct RunnerStatus {
  std::string name;
  config::SourceType type = config::SourceType::directory;
  std::string trust;       // why its releases are believed: "signature", "tls", "tuf" or "local"
  bool running = false;    // an attempt is under way
  std::uint64_t runs = 0;  // attempts that ended
  Progress progress;
  storage::SourceState state;
  Duration grace{};     // past state.trusted_until
  Time next_attempt{};  // meaningful while !running
};

// Owns the source and its thread. Every function may be called from any thread.
class SourceRunner {
 public:
  // Starts the thread; the first attempt comes at once.
  SourceRunner(std::unique_ptr<Source> source, const config::SourceSettings& settings,
               const Clock& clock);
  // Makes the source and runs it.
  static Result<std::unique_ptr<SourceRunner>> start(const config::SourceSettings& settings,
                                                     const Context& context);
  ~SourceRunner();  // stops and waits for the thread

  // An attempt now; when one is under way, another right after it. Gives the value of `runs` at
  // which that attempt has ended.
  std::uint64_t poke();
  // Asks the thread to end, without waiting; what was committed stays.
  void stop();
  RunnerStatus status() const;
  Standing standing(Time now) const;

 private:
  void loop();
  void wait_for(Duration delay);
  // The time until the next attempt.
  Duration after(const Result<Report>& result, bool got_something);

  std::unique_ptr<Source> source_;
  const config::SourceSettings settings_;
  const Clock& clock_;
  std::minstd_rand random_;  // the thread's own
  unsigned failures_ = 0;    // the thread's own
  std::stop_source stop_;

  mutable std::mutex mutex_;
  std::stop_source wake_;  // ends one wait; made anew for each
  bool poked_ = false;
  bool running_ = false;
  std::uint64_t runs_ = 0;
  Time next_attempt_{};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace ferry::source
