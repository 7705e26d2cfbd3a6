// What plugins count, passed on to the agent at most once a second, as what is new since the last
// time. Pure but for its atomics: time is an argument.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "formats/link_messages.hpp"

namespace ferry::host {

class Counts {
 public:
  using Counted = formats::link::Counted;
  using Instant = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds interval{1};

  // On any thread, as often as there are requests. True for the first since the last telling: the
  // host's thread has to learn that there is something to tell.
  bool add(std::uint64_t Counted::*counter, std::uint64_t amount);

  // For the host's thread. What is to be told now, if anything.
  std::optional<Counted> due(Instant now);
  // All that was not told yet, whether it is due or not.
  std::optional<Counted> take();
  // It could not be told.
  void put_back(const Counted& counted);
  // When due() has something.
  std::optional<Instant> next() const;

 private:
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> refusals_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<bool> waiting_{false};
  Instant not_before_{};
};

}  // namespace ferry::host
