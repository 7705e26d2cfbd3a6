#include "transports/smp/pace.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "transports/smp/console.hpp"

namespace ferry::smp {
namespace {

ClientOptions console_options() {
  ClientOptions options;
  options.fit = fit_console;
  options.framing = console_overhead;
  return options;
}

Pace pace_of(std::uint64_t size, std::uint64_t count, const Learned& learned = {}) {
  return Pace(console_options(), Parameters{size, count, true}, learned);
}

TEST(Pace, BeginsWithWhatTheDeviceCanTake) {
  EXPECT_EQ(pace_of(384, 4).packet(), 368U);
  EXPECT_EQ(pace_of(384, 4).window(), 2U);
  EXPECT_EQ(pace_of(384, 3).window(), 1U);
  EXPECT_EQ(pace_of(384, 1).window(), 1U);
  EXPECT_EQ(pace_of(384, 100).window(), ClientOptions{}.window_limit);
  EXPECT_LE(pace_of(~std::uint64_t{0}, 4).packet(), ClientOptions{}.packet_limit);
  EXPECT_GT(pace_of(9, 1).packet(), 32U);
}

TEST(Pace, WithoutMemoryTheWindowShrinksThenThePacket) {
  Pace pace = pace_of(384, 6);
  std::vector<std::pair<std::size_t, std::size_t>> seen;
  for (int i = 0; i < 6; ++i) {
    seen.emplace_back(pace.window(), pace.packet());
    pace.no_memory();
  }
  EXPECT_EQ(seen, (std::vector<std::pair<std::size_t, std::size_t>>{
                      {4, 368}, {2, 368}, {1, 368}, {1, 275}, {1, 204}, {1, 153}}));
  for (int i = 0; i < 100; ++i) pace.no_memory();
  EXPECT_GE(pace.packet(), 64U);
  EXPECT_LT(pace.packet(), 93U);  // one line
}

TEST(Pace, GrowsBackStepByStepAndMoreCautiouslyAfterMistakes) {
  Pace pace = pace_of(384, 4);
  pace.no_memory();
  const auto run_until_up = [&] {
    int packets = 0;
    for (; pace.window() == 1 && packets < 10000; ++packets) pace.accepted();
    return packets;
  };
  const int first = run_until_up();
  EXPECT_GT(first, 10);
  pace.no_memory();
  EXPECT_GE(run_until_up(), 2 * first);
}

TEST(Pace, SilenceAfterFullWindowsNarrowsThem) {
  Pace pace = pace_of(384, 4);
  pace.silence(2, 1);
  EXPECT_EQ(pace.window(), 2U);  // once is nothing
  for (int i = 0; i < 3; ++i) pace.silence(2, 1);
  EXPECT_EQ(pace.window(), 1U);
}

TEST(Pace, SilenceAgainAndAgainTriesSmallerPackets) {
  Pace pace = pace_of(384, 3);
  for (int i = 1; i <= 8; ++i) pace.silence(1, i);
  EXPECT_LT(pace.packet(), 368U);
}

// What an upload over noise brings: shorter packets while it lasts, full ones afterwards.
TEST(Pace, NoiseShortensPacketsWhileItLasts) {
  Pace pace = pace_of(384, 4);
  std::mt19937 random(1);
  const auto over = [&](double per_byte, int packets) {
    std::uniform_real_distribution<double> chance(0, 1);
    for (int i = 0; i < packets; ++i) {
      const double arrives = std::pow(1 - per_byte, 1.4 * static_cast<double>(pace.packet()));
      if (chance(random) < arrives) {
        pace.accepted();
      } else {
        pace.gap();
      }
    }
  };
  over(0.0001, 1000);
  EXPECT_EQ(pace.packet(), 368U);  // a loss now and then
  over(0.002, 500);
  EXPECT_LE(pace.packet(), 182U);
  EXPECT_EQ(pace.window(), 2U);
  over(0, 500);
  EXPECT_EQ(pace.packet(), 368U);
}

TEST(Pace, WhatWasLearnedIsWhereTheNextOneBegins) {
  Pace pace = pace_of(384, 4);
  pace.no_memory();
  pace.no_memory();
  Learned learned;
  pace.tell(learned);
  EXPECT_EQ(pace_of(384, 4, learned).window(), 1U);
  EXPECT_EQ(pace_of(384, 4, learned).packet(), 275U);
  learned.packet_steps = learned.window_steps = 1000;
  EXPECT_LT(pace_of(384, 4, learned).packet(), 93U);
}

TEST(RoundTrip, FollowsWhatIsMeasuredWithinItsBounds) {
  const ClientOptions options;
  RoundTrip trip(options);
  EXPECT_EQ(trip.timeout(), options.timeout);
  for (int i = 0; i < 50; ++i) trip.measured(Milliseconds(20));
  EXPECT_GE(trip.timeout(), options.minimum_timeout);
  EXPECT_LE(trip.timeout(), options.minimum_timeout + Milliseconds(30));
  const auto calm = trip.timeout();
  trip.silence();
  EXPECT_GE(trip.timeout(), 2 * calm - Milliseconds(1));
  for (int i = 0; i < 10; ++i) trip.silence();
  EXPECT_LE(trip.timeout(), options.timeout);
  trip.measured(Milliseconds(20));
  EXPECT_LE(trip.timeout(), calm + Milliseconds(1));
}

TEST(RoundTrip, AnAnswerThatCameTooLateRaisesTheFloor) {
  RoundTrip trip{ClientOptions{}};
  for (int i = 0; i < 50; ++i) trip.measured(Milliseconds(20));
  trip.late(Milliseconds(600));
  EXPECT_GE(trip.timeout(), Milliseconds(900));
}

}  // namespace
}  // namespace ferry::smp
