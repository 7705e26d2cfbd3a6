#include "agent/metrics/open_metrics.hpp"

#include <gtest/gtest.h>

#include <set>

namespace ferry::metrics {
namespace {

constexpr Family requests{"x_requests", Kind::counter, "", "transport", "", "How many."};
constexpr Family heat{"x_heat_celsius", Kind::gauge, "celsius", "", "", "How hot."};

TEST(OpenMetrics, APageWithNothingHasItsEndAllTheSame) {
  EXPECT_EQ(to_open_metrics({}), "# EOF\n");
  EXPECT_EQ(to_open_metrics({{&requests, {}}}), "# EOF\n")
      << "a family without a value is left out";
}

TEST(OpenMetrics, CountersEndInTotalAndGaugesDoNot) {
  const Snapshot snapshot{{&requests, {{"lan", 2}, {"wifi", 18446744073709551615U}}},
                          {&heat, {{"", 21}}}};
  EXPECT_EQ(to_open_metrics(snapshot),
            "# TYPE x_requests counter\n"
            "# HELP x_requests How many.\n"
            "x_requests_total{transport=\"lan\"} 2\n"
            "x_requests_total{transport=\"wifi\"} 18446744073709551615\n"
            "# TYPE x_heat_celsius gauge\n"
            "# UNIT x_heat_celsius celsius\n"
            "# HELP x_heat_celsius How hot.\n"
            "x_heat_celsius 21\n"
            "# EOF\n");
}

TEST(OpenMetrics, WhatWouldEndALabelOrALineIsEscaped) {
  constexpr Family odd{"x_odd", Kind::gauge, "", "name", "", "Says \"a\\b\"\nand goes on."};
  EXPECT_EQ(to_open_metrics({{&odd, {{"a\"} 1\n# EOF\n\\", 1}}}}),
            "# TYPE x_odd gauge\n"
            "# HELP x_odd Says \\\"a\\\\b\\\"\\nand goes on.\n"
            "x_odd{name=\"a\\\"} 1\\n# EOF\\n\\\\\"} 1\n"
            "# EOF\n");
}

// Whatever is added to the list has to keep to the rules of the format.
TEST(OpenMetrics, TheListKeepsToTheRules) {
  std::set<std::string_view> names;
  std::set<std::string_view> keys;
  for (const Family& family : families()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name << " twice";
    EXPECT_TRUE(family.key.empty() || keys.insert(family.key).second) << family.key << " twice";
    EXPECT_EQ(family.name.substr(0, 6), "ferry_");
    EXPECT_FALSE(family.name.ends_with("_total")) << family.name;
    EXPECT_EQ(family.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), family.name.npos);
    if (!family.unit.empty()) {
      EXPECT_TRUE(family.name.ends_with("_" + std::string(family.unit))) << family.name;
    }
    EXPECT_TRUE(family.help.ends_with(".")) << family.name;
  }
}

}  // namespace
}  // namespace ferry::metrics
