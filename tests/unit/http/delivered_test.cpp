#include "transports/http/delivered.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ferry::http {
namespace {

constexpr std::uint64_t step = Delivered::step;

// "offset+length " of each report.
std::string settle(Delivered& delivered, std::uint64_t unacknowledged, bool ended) {
  std::string told;
  delivered.settle(unacknowledged, ended,
                   [&](std::uint64_t, std::uint64_t offset, std::uint64_t length) {
                     told += std::to_string(offset) + "+" + std::to_string(length) + " ";
                   });
  return told;
}

TEST(Delivered, TheEndCountsOnlyWhenTheDeviceWentOn) {
  Delivered delivered;
  delivered.begin(100, {1, 5000, 512, 0});
  delivered.wrote(612);
  EXPECT_EQ(settle(delivered, 0, false), "");
  EXPECT_EQ(settle(delivered, 12, true), "5000+500 ");
  EXPECT_EQ(settle(delivered, 0, true), "5500+12 ");
  EXPECT_EQ(settle(delivered, 0, true), "");
}

TEST(Delivered, HeadersCountForNothing) {
  Delivered delivered;
  delivered.begin(100, {1, 0, 512, 0});
  delivered.wrote(612);
  EXPECT_EQ(settle(delivered, 512, true), "");
  EXPECT_EQ(settle(delivered, 600, true), "");
  EXPECT_EQ(settle(delivered, UINT64_MAX, true), "");
}

TEST(Delivered, LongAnswersAreReportedInSteps) {
  Delivered delivered;
  delivered.begin(100, {1, 0, 10 * step, 0});
  delivered.wrote(100 + step);
  EXPECT_EQ(settle(delivered, 1, false), "");
  EXPECT_EQ(settle(delivered, 0, false), "0+" + std::to_string(step) + " ");
  delivered.wrote(9 * step);
  EXPECT_EQ(settle(delivered, 0, false), "");
  EXPECT_EQ(settle(delivered, 0, true),
            std::to_string(step) + "+" + std::to_string(9 * step) + " ");
}

TEST(Delivered, PaddingIsNotTheArtifacts) {
  Delivered delivered;
  delivered.begin(10, {1, 1024, 0, 4});
  delivered.wrote(14);
  EXPECT_EQ(settle(delivered, 0, true), "");
  delivered.begin(10, {1, 512, 100, 412});
  delivered.wrote(522);
  EXPECT_EQ(settle(delivered, 0, true), "512+100 ");
}

TEST(Delivered, SeveralAnswersAtOnceAndTheOldestIsForgotten) {
  Delivered delivered;
  for (std::uint64_t i = 0; i < Delivered::most_answers + 1; ++i) {
    delivered.begin(10, {1, i, 1, 0});
    delivered.wrote(11);
  }
  EXPECT_EQ(settle(delivered, 11 * (Delivered::most_answers - 1), true), "1+1 ");
  EXPECT_EQ(settle(delivered, 11 * (Delivered::most_answers - 2), true), "2+1 ");
}

}  // namespace
}  // namespace ferry::http
