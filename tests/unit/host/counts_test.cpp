#include "transports/host/counts.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace ferry::host {
namespace {

using Counted = formats::link::Counted;
using namespace std::chrono_literals;

const Counts::Instant start{std::chrono::hours(1)};

TEST(Counts, NothingIsToldWhileNothingHappens) {
  Counts counts;
  EXPECT_FALSE(counts.due(start));
  EXPECT_FALSE(counts.take());
  EXPECT_FALSE(counts.next());
}

TEST(Counts, TheFirstIsToldAtOnceAndTheRestASecondLater) {
  Counts counts;
  EXPECT_TRUE(counts.add(&Counted::requests, 1)) << "the host's thread has to be woken";
  EXPECT_FALSE(counts.add(&Counted::requests, 1)) << "once";
  counts.add(&Counted::refusals, 1);
  counts.add(&Counted::bytes, 512);
  const auto told = counts.due(start);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->requests, 2U);
  EXPECT_EQ(told->refusals, 1U);
  EXPECT_EQ(told->bytes, 512U);

  EXPECT_TRUE(counts.add(&Counted::requests, 5));
  EXPECT_FALSE(counts.due(start + 999ms));
  ASSERT_EQ(counts.next(), start + 1s);
  const auto later = counts.due(start + 1s);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->requests, 5U) << "what is new, not the sum";
  EXPECT_EQ(later->bytes, 0U);
}

TEST(Counts, AtTheEndAllIsToldAndWhatCouldNotBeIsKept) {
  Counts counts;
  counts.add(&Counted::requests, 1);
  ASSERT_TRUE(counts.due(start));
  counts.add(&Counted::requests, 3);
  const auto last = counts.take();
  ASSERT_TRUE(last);
  counts.put_back(*last);
  const auto again = counts.take();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->requests, 3U);
}

TEST(Counts, NoneIsLostBetweenThreads) {
  Counts counts;
  constexpr int threads = 4;
  constexpr int times = 20000;
  std::vector<std::thread> counting;
  counting.reserve(threads);
  for (int i = 0; i < threads; ++i) {
    counting.emplace_back([&counts] {
      for (int n = 0; n < times; ++n) counts.add(&Counted::requests, 1);
    });
  }
  std::uint64_t told = 0;
  while (told < std::uint64_t{threads} * times / 2) {
    if (const auto some = counts.take()) told += some->requests;
  }
  for (auto& thread : counting) thread.join();
  if (const auto rest = counts.take()) told += rest->requests;
  EXPECT_EQ(told, std::uint64_t{threads} * times);
}

}  // namespace
}  // namespace ferry::host
