#include "agent/delivery/pull.hpp"

#include <gtest/gtest.h>

namespace ferry::delivery {
namespace {

using storage::DeliveryState;

const Sha256 image = Sha256::of(as_bytes("image"));
const Sha256 script = Sha256::of(as_bytes("script"));
const Sha256 empty = Sha256::of({});

Moment at(std::int64_t seconds) {
  return {from_unix_ms(seconds * 1000), Steady(std::chrono::seconds(seconds))};
}

formats::link::DeviceClaim claim(const std::string& version) {
  formats::link::DeviceClaim device;
  device.id = "m1";
  device.product = "meter";
  device.version = version;
  return device;
}

class Pull : public ::testing::Test {
 protected:
  Pull() : book({}), tracker(book) {
    storage::Delivery row;
    row.id = 7;
    row.device = "m1";
    row.product = "meter";
    row.from_version = "1.0";
    row.version = "1.1";
    (void)tracker.adopt(row, {{image, 1000}, {script, 20}, {empty, 0}}, at(1));
  }

  std::optional<Change> acknowledge(const Sha256& sha256, std::uint64_t offset,
                                    std::uint64_t length, Moment now = at(10)) {
    formats::link::Progress message;
    message.device = claim("1.0");
    message.sha256 = sha256;
    message.offset = offset;
    message.length = length;
    return tracker.progress(message, now);
  }
  void transfer(Moment now = at(10)) {
    (void)acknowledge(image, 0, 1000, now);
    (void)acknowledge(script, 0, 20, now);
  }

  Book book;
  PullTracker tracker;
};

TEST_F(Pull, TransferredWhenTheLastByteOfEveryPieceWasAcknowledged) {
  EXPECT_FALSE(acknowledge(image, 0, 600)) << "half way is no change worth keeping";
  const auto end = acknowledge(image, 600, 400);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->delivery.state, DeliveryState::transferring);
  EXPECT_EQ(end->delivery.bytes_done, 1000U);
  const auto last = acknowledge(script, 0, 20);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->delivery.state, DeliveryState::transferred);
  ASSERT_EQ(last->events.size(), 1U);
  EXPECT_EQ(last->events[0].kind, "delivered");
}

TEST_F(Pull, InstalledWhenTheDeviceComesBackWithTheNewVersion) {
  transfer();
  EXPECT_TRUE(tracker.seen(claim("1.0"), at(20)).empty());
  const auto changes = tracker.seen(claim("1.1"), at(30));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].delivery.state, DeliveryState::installed);
  EXPECT_EQ(changes[0].events[0].kind, "installed");
  EXPECT_TRUE(tracker.seen(claim("1.1"), at(40)).empty()) << "told once";
}

TEST_F(Pull, UnknownWhenItDoesNotComeBackInTime) {
  transfer(at(100));
  const std::map<std::string, Duration> limits = {{"meter", std::chrono::seconds(60)}};
  EXPECT_TRUE(tracker.expire(limits, at(159)).empty());
  const auto changes = tracker.expire(limits, at(160));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].delivery.state, DeliveryState::unknown);
}

TEST_F(Pull, AClockThatIsSetExpiresNothing) {
  transfer(at(100));  // 1970: the clock was not set yet
  const std::map<std::string, Duration> limits = {{"meter", std::chrono::seconds(60)}};
  EXPECT_TRUE(tracker.expire(limits, at(1800000000)).empty());
  EXPECT_EQ(tracker.expire(limits, at(1800000060)).size(), 1U);
}

TEST_F(Pull, ATransferThatIsNotTakenUpAgainEnds) {
  (void)acknowledge(image, 0, 600, at(100));
  const auto changes = tracker.expire({{"meter", std::chrono::seconds(60)}}, at(160));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].delivery.state, DeliveryState::unknown);
  EXPECT_FALSE(changes[0].delivery.detail.empty());
}

TEST_F(Pull, ANewerVersionEndsTheTransferBefore) {
  storage::Delivery row;
  row.id = 8;
  row.device = "m1";
  row.product = "meter";
  row.version = "1.2";
  const auto changes = tracker.adopt(row, {{image, 1000}}, at(50));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].delivery.id, 7U);
  EXPECT_EQ(changes[0].delivery.state, DeliveryState::unknown);
}

TEST_F(Pull, ALateReturnMendsUnknown) {
  transfer(at(100));
  (void)tracker.expire({{"meter", std::chrono::seconds(60)}}, at(500));
  const auto changes = tracker.seen(claim("1.1"), at(600));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].delivery.state, DeliveryState::installed);
}

TEST_F(Pull, AnotherVersionIsNoInstallation) {
  transfer();
  EXPECT_TRUE(tracker.seen(claim("1.2"), at(20)).empty());
  EXPECT_TRUE(tracker.seen(claim(""), at(20)).empty());
}

TEST_F(Pull, AFailureTheLinkKnowsOf) {
  formats::link::Outcome message;
  message.device = claim("1.0");
  message.delivery = 7;
  message.kind = formats::link::OutcomeKind::failed;
  message.detail = "image too large";
  const auto change = tracker.outcome(message, at(10));
  ASSERT_TRUE(change);
  EXPECT_EQ(change->delivery.state, DeliveryState::failed);
  EXPECT_EQ(change->delivery.detail, "image too large");
  EXPECT_FALSE(tracker.outcome(message, at(11))) << "it has ended";
}

TEST_F(Pull, ClaimsWithoutProofAreMarked) {
  transfer();
  const auto changes = tracker.seen(claim("1.1"), at(20));
  EXPECT_NE(changes.at(0).events.at(0).detail.find("\"proven\":false"), std::string::npos);
}

TEST_F(Pull, BytesOfAnotherDeviceChangeNothing) {
  formats::link::Progress message;
  message.device = claim("1.0");
  message.device.id = "m2";
  message.sha256 = image;
  message.length = 1000;
  EXPECT_FALSE(tracker.progress(message, at(10)));
  EXPECT_FALSE(tracker.expects(message.device, image));
}

TEST_F(Pull, AnOpenDeliveryIsFoundAgainAfterARestart) {
  const Book again(book.open());
  ASSERT_NE(again.open_delivery("meter", "m1", "1.1"), nullptr);
  EXPECT_EQ(again.open_delivery("meter", "m1", "1.1")->id, 7U);
  EXPECT_EQ(again.open_delivery("meter", "m1", "1.2"), nullptr);
}

TEST_F(Pull, WhatIsPushedIsLeftAlone) {
  storage::Delivery row;
  row.id = 8;
  row.device = "m2";
  row.product = "meter";
  row.version = "1.1";
  row.from_version = "1.0";
  row.mode = DeliveryMode::push;
  row.state = DeliveryState::transferred;
  (void)book.add(row, at(1));
  auto device = claim("1.1");
  device.id = "m2";
  EXPECT_TRUE(tracker.seen(device, at(2)).empty());
  const std::map<std::string, Duration> limits = {{"meter", std::chrono::seconds(60)}};
  EXPECT_EQ(tracker.expire(limits, at(500)).size(), 1U) << "that which is pulled";
}

}  // namespace
}  // namespace ferry::delivery
