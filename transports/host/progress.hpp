// Progress is told by plugins as often as they like; the agent hears of it once a second for each
// device and artifact, and always of the end. Pure: time is an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "formats/link_messages.hpp"

namespace ferry::host {

// Not thread-safe.
class ProgressLimiter {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds interval{1};
  static constexpr std::size_t most = 4096;  // devices that are followed; the rest go unlimited

  // What to tell the agent now, if anything. `length` is the artifact's.
  std::optional<formats::link::Progress> add(formats::link::Progress progress, std::uint64_t length,
                                             Instant now);
  // What was held back and is due now; forgets who has been quiet for an interval.
  std::vector<formats::link::Progress> due(Instant now);
  // When due() may have something.
  std::optional<Instant> next() const;

 private:
  using Key = std::tuple<std::string, std::string, Sha256>;  // product, device, artifact
  struct Entry {
    Instant told;
    std::optional<formats::link::Progress> held;
  };

  std::map<Key, Entry> entries_;
};

}  // namespace ferry::host
