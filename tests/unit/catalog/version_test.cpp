#include "agent/catalog/version.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ferry::catalog {
namespace {

// Ascending, as Python 2's LooseVersion sorts them.
const std::vector<std::string> loose_order = {"0.9",     "1",      "1.0",   "1.0.0",
                                              "1.0.1",   "1.0.1b", "1.0.2", "1.0.10",
                                              "1.2.0-1", "1.10.0", "2.0",   "2.0a"};

TEST(LooseVersion, OrdersEveryPairOfTheList) {
  for (std::size_t i = 0; i < loose_order.size(); ++i) {
    for (std::size_t j = 0; j < loose_order.size(); ++j) {
      EXPECT_TRUE(compare_loose(loose_order[i], loose_order[j]) == (i <=> j))
          << loose_order[i] << " and " << loose_order[j];
    }
  }
}

TEST(LooseVersion, LeadingZerosDoNotCount) {
  EXPECT_TRUE(compare_loose("1.02", "1.2") == 0);
}

TEST(LooseVersion, DotsOnlySeparate) {
  EXPECT_TRUE(compare_loose("1..2", "1.2.") == 0);
}

TEST(LooseVersion, NumbersComeBeforeText) {
  EXPECT_TRUE(compare_loose("1.2", "1.b") < 0);
}

TEST(LooseVersion, NumbersOfAnyLength) {
  EXPECT_TRUE(compare_loose("1.99999999999999999999", "1.100000000000000000000") < 0);
}

TEST(LooseVersion, UpperCaseLettersAreOneText) {
  // "RC1" is no run of lower-case letters: it stays text between the numbers.
  EXPECT_TRUE(compare_loose("1.RC1", "1.RC2") < 0);
  EXPECT_TRUE(compare_loose("1.RC2", "1.RC10") < 0);
}

// Semantic Versioning 2.0.0, section 11, with its own example.
const std::vector<std::string> semver_order = {"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                               "1.0.0-beta",  "1.0.0-beta.2",  "1.0.0-beta.11",
                                               "1.0.0-rc.1",  "1.0.0",         "1.0.1",
                                               "1.2.0",       "1.10.0",        "2.0.0"};

TEST(SemanticVersion, OrdersEveryPairOfTheList) {
  for (std::size_t i = 0; i < semver_order.size(); ++i) {
    for (std::size_t j = 0; j < semver_order.size(); ++j) {
      const auto order = compare_semver(semver_order[i], semver_order[j]);
      ASSERT_TRUE(order.has_value());
      EXPECT_TRUE(*order == (i <=> j)) << semver_order[i] << " and " << semver_order[j];
    }
  }
}

TEST(SemanticVersion, BuildMetadataPlaysNoPart) {
  EXPECT_TRUE(compare_semver("1.0.0+abc", "1.0.0+xyz") == std::strong_ordering::equal);
}

TEST(SemanticVersion, RefusesWhatIsNone) {
  for (const char* text : {"", "1", "1.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "v1.0.0",
                           "1.0.0-a..b", "1.0.0 ", "1.0.x"}) {
    EXPECT_FALSE(is_version(config::VersionOrder::semver, text)) << text;
  }
}

}  // namespace
}  // namespace ferry::catalog
