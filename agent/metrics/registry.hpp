// The values of all that is counted and measured. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/metrics/families.hpp"
#include "formats/json.hpp"

namespace ferry::metrics {

// The values of one family, by the value of its label; "" when it has none.
struct Sampled {
  const Family* family = nullptr;
  std::map<std::string, std::uint64_t> values;
};
using Snapshot = std::vector<Sampled>;

// Not thread-safe.
class Registry {
 public:
  Registry();

  // What a gauge reads now. Counters are kept where things happen: this is their sum as it is
  // there, and one that is below the last is left out, since counters never go down.
  void set(Metric metric, std::uint64_t value) { set(metric, "", value); }
  void set(Metric metric, const std::string& label, std::uint64_t value);
  // Every family in the order of the list, also those without a value.
  const Snapshot& snapshot() const { return values_; }
  // `counters` of the state: an object of sums, and of objects by outcome.
  formats::Json counters() const;

 private:
  Snapshot values_;
};

}  // namespace ferry::metrics
