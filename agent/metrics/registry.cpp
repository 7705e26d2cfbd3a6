#include "agent/metrics/registry.hpp"

#include <algorithm>
#include <limits>

namespace ferry::metrics {
namespace {

std::uint64_t sum_of(const Sampled& sampled) {
  std::uint64_t sum = 0;
  for (const auto& [label, value] : sampled.values) {
    sum += std::min(value, std::numeric_limits<std::uint64_t>::max() - sum);
  }
  return sum;
}

}  // namespace

Registry::Registry() {
  for (const Family& family : families()) values_.push_back({&family, {}});
}

void Registry::set(Metric metric, const std::string& label, std::uint64_t value) {
  Sampled& sampled = values_.at(static_cast<std::size_t>(metric));
  std::uint64_t& known = sampled.values[label];
  known = sampled.family->kind == Kind::counter ? std::max(known, value) : value;
}

// Transports and sources have their own entries in the state, so their sum will do here.
formats::Json Registry::counters() const {
  formats::Json counters = formats::Json::object();
  for (const Sampled& sampled : values_) {
    const Family& family = *sampled.family;
    if (family.key.empty()) continue;
    formats::Json& value = counters[std::string(family.key)];
    if (family.label == "outcome") {
      value = sampled.values;
    } else {
      value = sum_of(sampled);
    }
  }
  return counters;
}

}  // namespace ferry::metrics
