// The model by itself, and against figures that others published of real radios.
#include "tests/airtime/air_link.hpp"

#include <gtest/gtest.h>

namespace ferry::airtime {
namespace {

using std::chrono::duration;

double kilobytes(std::size_t bytes, Microseconds time) {
  return static_cast<double>(bytes) / duration<double>(time).count() / 1000;
}

// `packets` of `bytes` each, never more than `window` without an answer of 24 bytes.
std::vector<Sent> windowed(std::size_t packets, std::size_t bytes, std::size_t window,
                           Microseconds work) {
  std::vector<Sent> trace;
  for (std::size_t i = 0; i < packets; ++i) {
    Sent packet{Side::central, bytes, std::nullopt, Microseconds(0)};
    if (i >= window) packet.after = 2 * (i - window) + 1;
    trace.push_back(packet);
    trace.push_back({Side::peripheral, 24, 2 * i, work});
  }
  return trace;
}

double speed(const Radio& radio, std::size_t bytes, std::size_t window, Microseconds work) {
  constexpr std::size_t packets = 200;
  const auto time = air_time(radio, windowed(packets, bytes, window, work));
  return time ? kilobytes(packets * bytes, *time) : 0;
}

TEST(AirLink, PacketsTakeTheTimesOfTheSpecification) {
  Radio radio;
  radio.encrypted = false;
  radio.phy = Phy::le_1m;
  EXPECT_EQ(packet_time(radio, 0), Microseconds(80));
  EXPECT_EQ(packet_time(radio, 27), Microseconds(296));
  EXPECT_EQ(packet_time(radio, 251), Microseconds(2088));
  radio.encrypted = true;
  EXPECT_EQ(packet_time(radio, 0), Microseconds(80));
  // The longest packets that there are: 2120 µs at 1 Mbit/s, 1064 µs at 2 Mbit/s.
  EXPECT_EQ(packet_time(radio, 251), Microseconds(2120));
  radio.phy = Phy::le_2m;
  EXPECT_EQ(packet_time(radio, 0), Microseconds(44));
  EXPECT_EQ(packet_time(radio, 251), Microseconds(1064));
}

TEST(AirLink, OnePairFollowsTheOtherAndTheLimitEndsTheEvent) {
  Radio radio;
  radio.encrypted = false;
  radio.pairs = 2;
  AirLink link(radio);
  for (int i = 0; i < 3; ++i) link.send(Side::central, 244, Microseconds(0));
  const Microseconds pair = Microseconds(1048 + 150 + 44 + 150);
  ASSERT_EQ(link.exchange().at(0).at, Microseconds(1048));
  EXPECT_EQ(link.next(), pair);
  ASSERT_EQ(link.exchange().at(0).at, pair + Microseconds(1048));
  EXPECT_EQ(link.next(), radio.interval);
  const std::vector<Arrival> third = link.exchange();
  ASSERT_EQ(third.size(), 1U);
  EXPECT_EQ(third[0].at, radio.interval + Microseconds(1048));
  EXPECT_EQ(third[0].number, 2U);
  EXPECT_TRUE(link.idle());
  EXPECT_TRUE(link.exchange().empty());
}

TEST(AirLink, AnEventNeverReachesIntoTheNext) {
  Radio radio;
  radio.phy = Phy::le_1m;
  radio.interval = Microseconds(7500);
  radio.pairs = 0;
  AirLink link(radio);
  for (int i = 0; i < 40; ++i) link.send(Side::central, 244, Microseconds(0));
  // A pair takes 2500 µs: three fill the interval to the last microsecond.
  for (int i = 0; i < 40; ++i) {
    const std::vector<Arrival> arrivals = link.exchange();
    ASSERT_EQ(arrivals.size(), 1U);
    EXPECT_EQ(arrivals[0].at, Microseconds(i / 3 * 7500 + i % 3 * 2500 + 2120));
  }
}

TEST(AirLink, WhatIsReadyLaterWaitsForTheNextEvent) {
  AirLink link(Radio{});
  link.send(Side::peripheral, 20, Microseconds(15001));
  EXPECT_EQ(link.next(), Microseconds(30000));
  // After the central's empty packet.
  EXPECT_EQ(link.exchange().at(0).at, Microseconds(30000 + 44 + 150 + (11 + 27 + 4) * 4));
}

TEST(AirLink, LargePacketsAreSplitTwice) {
  Radio radio;
  radio.data_length = 27;
  radio.mtu = 23;
  radio.encrypted = false;
  AirLink link(radio);
  link.send(Side::central, 41, Microseconds(0));  // 20 + 20 + 1
  int pairs = 0;
  while (!link.idle()) {
    pairs += 1;
    const std::vector<Arrival> arrivals = link.exchange();
    EXPECT_EQ(arrivals.size(), link.idle() ? 1U : 0U);
  }
  EXPECT_EQ(pairs, 3);
}

TEST(AirLink, ATraceThatWaitsForItselfHasNoTime) {
  const std::vector<Sent> circle = {{Side::central, 10, 1, Microseconds(0)},
                                    {Side::peripheral, 10, 0, Microseconds(0)}};
  EXPECT_FALSE(air_time(Radio{}, circle));
  const std::vector<Sent> beyond = {{Side::central, 10, 7, Microseconds(0)}};
  EXPECT_FALSE(air_time(Radio{}, beyond));
  EXPECT_EQ(air_time(Radio{}, {}), Microseconds(0));
}

// Zephyr's maintainer of the controller: "up to ~1.3 Mbps of GATT Write commands" (zephyr#19244).
TEST(AirLinkPublished, ZephyrsControllerWritesAt1300KilobitsASecond) {
  Radio radio;
  radio.pairs = 0;
  radio.interval = Microseconds(50000);
  EXPECT_NEAR(capacity(radio) * 8 / 1000, 1300, 1300 * 0.10);
}

// Silicon Labs' guide to throughput: an acknowledged operation takes two intervals, whatever they
// are.
TEST(AirLinkPublished, AcknowledgedOperationsTakeTwoIntervals) {
  Radio radio;
  for (const Microseconds interval : {Microseconds(7500), Microseconds(100000)}) {
    radio.interval = interval;
    const double expected = kilobytes(244, 2 * interval);
    EXPECT_NEAR(speed(radio, 244, 1, Microseconds(1000)), expected, expected / 50);
  }
}

// Nordic's Device Manager, Android (pull request 53): one request at a time 2 to 4 kB/s, in packets
// of the MTU; three at a time 16 to 20; three large ones at a time 36. Phones of that time: 1M PHY
// or 2M, interval 15 to 45 ms, four to six packets an event; a page of flash takes some
// milliseconds.
TEST(AirLinkPublished, OneRequestAtATimeGives2To4KilobytesASecond) {
  Radio radio;
  radio.interval = Microseconds(30000);
  EXPECT_NEAR(speed(radio, 244, 1, Microseconds(10000)), 4, 0.4);
  radio.interval = Microseconds(45000);
  EXPECT_NEAR(speed(radio, 244, 1, Microseconds(10000)), 2.7, 0.4);
}

TEST(AirLinkPublished, ThreeSmallPacketsAtATimeGive16To20) {
  Radio radio;
  radio.interval = Microseconds(30000);
  const double found = speed(radio, 244, 3, Microseconds(4000));
  EXPECT_GE(found, 16);
  EXPECT_LE(found, 20);
}

TEST(AirLinkPublished, ThreeLargePacketsAtATimeGive36) {
  Radio radio;
  radio.interval = Microseconds(30000);
  radio.pairs = 5;
  EXPECT_NEAR(speed(radio, 2475, 3, Microseconds(40000)), 36, 4);
}

// The same programs of Nordic's, iOS (pull request 186): 7 kB/s one at a time; a Pixel 7 with six
// buffers up to 71.
TEST(AirLinkPublished, SixBuffersReach71) {
  Radio radio;
  EXPECT_NEAR(speed(radio, 244, 1, Microseconds(4000)), 7, 1.5);
  radio.pairs = 5;
  EXPECT_NEAR(speed(radio, 2475, 4, Microseconds(25000)), 71, 5);
}

}  // namespace
}  // namespace ferry::airtime
