#include "agent/metrics/registry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace ferry::metrics {
namespace {

std::map<std::string, std::uint64_t> values(const Registry& registry, Metric metric) {
  return registry.snapshot().at(static_cast<std::size_t>(metric)).values;
}

TEST(Registry, EveryFamilyIsThereInTheOrderOfTheList) {
  const Registry registry;
  ASSERT_EQ(registry.snapshot().size(), families().size());
  for (std::size_t i = 0; i < families().size(); ++i) {
    EXPECT_EQ(registry.snapshot()[i].family, &families()[i]);
  }
  EXPECT_EQ(family(Metric::requests).name, "ferry_requests");
  EXPECT_EQ(family(Metric::written_bytes).name, "ferry_written_bytes");
  EXPECT_EQ(family(Metric::start_seconds).name, "ferry_start_time_seconds");
}

TEST(Registry, CountersNeverGoDownAndGaugesDo) {
  Registry registry;
  registry.set(Metric::requests, "wifi", 5);
  registry.set(Metric::requests, "wifi", 3);
  registry.set(Metric::devices, 5);
  registry.set(Metric::devices, 3);
  EXPECT_EQ(values(registry, Metric::requests).at("wifi"), 5U);
  EXPECT_EQ(values(registry, Metric::devices).at(""), 3U);
}

TEST(Registry, TheStateHasSumsAndOutcomes) {
  Registry registry;
  registry.set(Metric::requests, "wifi", 5);
  registry.set(Metric::requests, "line", 2);
  registry.set(Metric::deliveries, "installed", 4);
  registry.set(Metric::deliveries, "failed", 1);
  registry.set(Metric::store_bytes, 100);
  const formats::Json counters = registry.counters();
  EXPECT_EQ(counters["requests"], 7);
  EXPECT_EQ(counters["deliveries"], (formats::Json{{"failed", 1}, {"installed", 4}}));
  EXPECT_EQ(counters["refusals"], 0) << "there from the start";
  EXPECT_FALSE(counters.contains("store_bytes")) << "it stands in `store`";
}

TEST(Registry, ASumStopsAtTheEndOfItsRange) {
  Registry registry;
  registry.set(Metric::requests, "a", std::numeric_limits<std::uint64_t>::max());
  registry.set(Metric::requests, "b", 7);
  EXPECT_EQ(registry.counters()["requests"], std::numeric_limits<std::uint64_t>::max());
}

}  // namespace
}  // namespace ferry::metrics
