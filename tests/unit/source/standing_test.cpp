#include <gtest/gtest.h>

#include "agent/source/source.hpp"

namespace ferry::source {
namespace {

constexpr Time end = Time(std::chrono::hours(500'000));
constexpr Duration day = std::chrono::hours(24);
constexpr Duration tick = std::chrono::milliseconds(1);

config::SourceSettings section() {
  config::SourceSettings settings;
  settings.grace = 10 * day;
  return settings;
}

TEST(Standing, OfASourceWithoutAnEndIsAlwaysValid) {
  EXPECT_EQ(standing_of(section(), Time{}, end + 1000 * day), Standing::valid);
}

TEST(Standing, ExpiresAtItsEndAndLapsesAfterItsGrace) {
  EXPECT_EQ(standing_of(section(), end, end - tick), Standing::valid);
  EXPECT_EQ(standing_of(section(), end, end), Standing::expired);
  EXPECT_EQ(standing_of(section(), end, end + 10 * day - tick), Standing::expired);
  EXPECT_EQ(standing_of(section(), end, end + 10 * day), Standing::lapsed);
}

TEST(Standing, OfMetadataWithoutAnEndThatCanBeReachedIsValid) {
  EXPECT_EQ(standing_of(section(), Time::max(), end), Standing::valid);
}

}  // namespace
}  // namespace ferry::source
