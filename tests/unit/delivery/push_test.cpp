#include "agent/delivery/push.hpp"

#include <gtest/gtest.h>

namespace ferry::delivery {
namespace {

using formats::link::ImageState;
using formats::link::Outcome;
using formats::link::OutcomeKind;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using S = DeliveryState;

const Sha256 pushed = Sha256::of(as_bytes("image"));

class Push : public ::testing::Test {
 protected:
  Push() : book({}), tracker(book) {
    settings.name = "meter";
    device.id = "m1";
    device.product = "meter";
    device.version = "1.0";
    device.image = "aa";
    device.image_state = ImageState::confirmed;
  }
  Moment now() const {
    return {Time(Duration(1795000000000)) + passed, Steady(hours(10)) + passed};
  }
  Entry& delivery(S state) {
    Delivery row;
    row.id = 7;
    row.device = "m1";
    row.product = "meter";
    row.from_version = "1.0";
    row.version = "1.1";
    row.image = "bb";
    row.mode = DeliveryMode::push;
    row.state = state;
    Entry& entry = book.add(row, now());
    Book::set_pieces(entry, {{pushed, 1000}});
    return entry;
  }
  std::optional<Change> outcome(Entry& entry, OutcomeKind kind) {
    Outcome message;
    message.device = device;
    message.delivery = 7;
    message.kind = kind;
    message.detail = "why";
    return tracker.outcome(settings, entry, message, now());
  }
  std::optional<Change> acknowledge(Entry& entry, std::uint64_t end) {
    formats::link::Progress message;
    message.device = device;
    message.sha256 = pushed;
    message.length = end;
    return tracker.progress(entry, message, now());
  }
  void shows(const std::string& running, const std::string& staged, ImageState state) {
    device.image = running;
    device.staged = staged;
    device.image_state = state;
  }

  config::ProductSettings settings;
  Book book;
  PushTracker tracker;
  DeviceClaim device;
  Duration passed{0};
};

TEST_F(Push, TheWholeRoad) {
  Entry& entry = delivery(S::waiting);
  EXPECT_EQ(tracker.step(settings, entry, device), StepKind::transfer);
  (void)tracker.begin(entry, StepKind::transfer, now());
  EXPECT_EQ(entry.delivery.state, S::scheduled);
  (void)acknowledge(entry, 10);
  EXPECT_EQ(entry.delivery.state, S::transferring);
  ASSERT_TRUE(outcome(entry, OutcomeKind::transferred));
  EXPECT_EQ(tracker.step(settings, entry, device), StepKind::activate);
  ASSERT_TRUE(outcome(entry, OutcomeKind::activated));
  EXPECT_FALSE(tracker.step(settings, entry, device)) << "it has to come back first";
  shows("bb", "aa", ImageState::on_trial);
  EXPECT_TRUE(tracker.seen(settings, device, now()).empty());
  EXPECT_EQ(tracker.step(settings, entry, device), StepKind::confirm);
  (void)tracker.begin(entry, StepKind::confirm, now());
  EXPECT_EQ(entry.delivery.state, S::confirming);
  const auto done = outcome(entry, OutcomeKind::confirmed);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->delivery.state, S::installed);
  EXPECT_EQ(done->events.at(0).kind, "installed");
}

TEST_F(Push, WhatIsDoneAlreadyIsLeftOut) {
  shows("aa", "bb", ImageState::confirmed);
  Entry& entry = delivery(S::waiting);
  ASSERT_EQ(tracker.seen(settings, device, now()).size(), 1U);
  EXPECT_EQ(tracker.step(settings, entry, device), StepKind::activate);
  shows("bb", "aa", ImageState::confirmed);
  ASSERT_EQ(tracker.seen(settings, device, now()).size(), 1U);
  EXPECT_EQ(entry.delivery.state, S::installed);
}

TEST_F(Push, AnImageIsKnownByItsNameWhateverVersionItTells) {
  delivery(S::waiting);
  device.version = "1.1";  // a lie, or a forgotten number
  EXPECT_TRUE(tracker.seen(settings, device, now()).empty());
  device.version = "0.9";
  shows("bb", "", ImageState::confirmed);
  ASSERT_EQ(tracker.seen(settings, device, now()).size(), 1U);
}

TEST_F(Push, OneThatComesBackWithTheOldImageRolledBack) {
  Entry& entry = delivery(S::activated);
  shows("aa", "bb", ImageState::confirmed);
  EXPECT_TRUE(tracker.seen(settings, device, now()).empty()) << "it has not restarted yet";
  passed = seconds(2);
  const auto changes = tracker.seen(settings, device, now());
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].delivery.state, S::rolled_back);
  EXPECT_EQ(changes[0].delivery.cause, "rolled_back");
  EXPECT_FALSE(tracker.step(settings, entry, device)) << "not again by itself";
}

TEST_F(Push, OneThatNamesNoImageMayTakeItsTime) {
  delivery(S::activated).delivery.image.clear();
  device.image.clear();
  passed = minutes(9);
  EXPECT_TRUE(tracker.seen(settings, device, now()).empty());
  passed = minutes(10);
  ASSERT_EQ(tracker.seen(settings, device, now()).size(), 1U);
  EXPECT_EQ(book.find(7)->delivery.state, S::rolled_back);
}

TEST_F(Push, OneThatNamesNoImageIsInstalledByItsVersion) {
  delivery(S::activated).delivery.image.clear();
  device.image.clear();
  device.version = "1.1";
  ASSERT_EQ(tracker.seen(settings, device, now()).size(), 1U);
  EXPECT_EQ(book.find(7)->delivery.state, S::installed);
}

TEST_F(Push, OneThatTellsNothingIsNotToldToStart) {
  Entry& entry = delivery(S::transferred);
  device.version = device.image = "";
  EXPECT_TRUE(tracker.seen(settings, device, now()).empty());
  EXPECT_FALSE(tracker.step(settings, entry, device));
}

TEST_F(Push, AStagedImageThatIsGoneIsBroughtAgainButNotForEver) {
  Entry& entry = delivery(S::transferred);
  shows("aa", "cc", ImageState::confirmed);
  for (int i = 1; i < 5; ++i) {
    ASSERT_EQ(tracker.seen(settings, device, now()).size(), 1U);
    EXPECT_EQ(entry.delivery.state, S::waiting);
    (void)outcome(entry, OutcomeKind::transferred);
  }
  ASSERT_EQ(tracker.seen(settings, device, now()).size(), 1U);
  EXPECT_EQ(entry.delivery.state, S::failed);
}

TEST_F(Push, LostIsNoFailure) {
  Entry& entry = delivery(S::waiting);
  for (int i = 0; i < 100; ++i) {
    entry.retry_at = {};
    (void)tracker.begin(entry, StepKind::transfer, now());
    (void)acknowledge(entry, 500);
    ASSERT_TRUE(outcome(entry, OutcomeKind::lost));
    EXPECT_EQ(entry.delivery.state, S::waiting);
  }
  EXPECT_EQ(entry.delivery.attempts, 0U);
  EXPECT_EQ(entry.delivery.bytes_done, 500U);
  EXPECT_EQ(entry.retry_at, Steady{}) << "continued at once when it is back";
}

TEST_F(Push, OneThatIsLostWithoutAByteIsAskedMoreRarely) {
  Entry& entry = delivery(S::waiting);
  for (const int pause : {1, 2, 4, 8, 16, 32, 64, 64}) {
    (void)tracker.begin(entry, StepKind::transfer, now());
    (void)outcome(entry, OutcomeKind::lost);
    EXPECT_EQ(entry.retry_at, now().steady + seconds(pause));
  }
}

TEST_F(Push, OneThatIsLostWhileBeingToldToStartIsNotToldForEver) {
  Entry& entry = delivery(S::transferred);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(outcome(entry, OutcomeKind::lost));
  EXPECT_EQ(entry.delivery.state, S::transferred);
  ASSERT_TRUE(outcome(entry, OutcomeKind::lost));
  EXPECT_EQ(entry.delivery.state, S::failed);
  EXPECT_EQ(entry.delivery.cause, "lost");
}

TEST_F(Push, FailuresAndBusyAreTriedAgainSoManyTimes) {
  Entry& entry = delivery(S::waiting);
  for (int i = 1; i <= 4; ++i) {
    (void)tracker.begin(entry, StepKind::transfer, now());
    const auto kind = i % 2 == 0 ? OutcomeKind::failed : OutcomeKind::busy;
    ASSERT_TRUE(outcome(entry, kind));
    EXPECT_EQ(entry.delivery.state, S::waiting);
    EXPECT_EQ(entry.retry_at, now().steady + pause_after(settings, entry.delivery.attempts));
    EXPECT_EQ(entry.delivery.not_before, now().wall + pause_after(settings, i));
  }
  (void)tracker.begin(entry, StepKind::transfer, now());
  const auto last = outcome(entry, OutcomeKind::busy);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->delivery.state, S::failed);
  EXPECT_EQ(last->delivery.cause, "busy");
  EXPECT_EQ(last->events.at(0).kind, "failed");
}

TEST_F(Push, RefusalsAreFinalAndNamed) {
  for (const auto kind : {OutcomeKind::refused_image, OutcomeKind::refused_size,
                          OutcomeKind::refused_downgrade, OutcomeKind::refused_unpaired}) {
    book = Book({});
    Entry& entry = delivery(S::scheduled);
    const auto change = outcome(entry, kind);
    ASSERT_TRUE(change);
    EXPECT_EQ(change->delivery.state, S::failed);
    EXPECT_EQ(change->delivery.cause, to_string(kind));
    EXPECT_FALSE(tracker.step(settings, entry, device));
    EXPECT_FALSE(outcome(entry, kind)) << "told once";
  }
}

TEST_F(Push, AConfirmationThatIsLostAgainAndAgainEndsWithTheTrial) {
  Entry& entry = delivery(S::activated);
  const std::map<std::string, Duration> limits = {{"meter", minutes(10)}};
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(tracker.expire(limits, now()).empty());
    (void)tracker.begin(entry, StepKind::confirm, now());
    ASSERT_TRUE(outcome(entry, OutcomeKind::lost));
    EXPECT_GT(entry.retry_at, now().steady) << "more and more rarely";
    passed += minutes(1);
  }
  EXPECT_EQ(tracker.expire(limits, now()).size(), 1U);
  EXPECT_EQ(entry.delivery.state, S::unknown);
}

TEST_F(Push, ConfirmationLeftToTheDevice) {
  settings.confirm = config::ConfirmedBy::device;
  Entry& entry = delivery(S::activated);
  shows("bb", "aa", ImageState::on_trial);
  EXPECT_FALSE(tracker.step(settings, entry, device));
  EXPECT_EQ(PushTracker::idle_reason(settings, entry),
            "waits: the device to come back and confirm");
  shows("bb", "aa", ImageState::confirmed);
  ASSERT_EQ(tracker.seen(settings, device, now()).size(), 1U);
  EXPECT_EQ(entry.delivery.state, S::installed);
}

TEST_F(Push, UnknownWhenItDoesNotComeBackAndMendedWhenItDoes) {
  Entry& entry = delivery(S::activated);
  const std::map<std::string, Duration> limits = {{"meter", minutes(10)}};
  passed = minutes(10) - seconds(1);
  EXPECT_TRUE(tracker.expire(limits, now()).empty());
  passed = minutes(10);
  ASSERT_EQ(tracker.expire(limits, now()).size(), 1U);
  EXPECT_EQ(entry.delivery.state, S::unknown);
  shows("bb", "aa", ImageState::on_trial);
  ASSERT_EQ(tracker.seen(settings, device, now()).size(), 1U);
  EXPECT_EQ(tracker.step(settings, entry, device), StepKind::confirm);
  passed = minutes(20);
  ASSERT_EQ(tracker.expire(limits, now()).size(), 1U);
  shows("aa", "bb", ImageState::confirmed);
  ASSERT_EQ(tracker.seen(settings, device, now()).size(), 1U);
  EXPECT_EQ(entry.delivery.state, S::rolled_back);
}

TEST_F(Push, BytesAreKeptNowAndThenAndTheDevicesWordCounts) {
  Entry& entry = delivery(S::waiting);
  (void)tracker.begin(entry, StepKind::transfer, now());
  EXPECT_TRUE(acknowledge(entry, 100)) << "the state is new";
  EXPECT_FALSE(acknowledge(entry, 400));
  passed = seconds(30);
  const auto kept = acknowledge(entry, 700);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->delivery.bytes_done, 700U);
  EXPECT_TRUE(kept->events.empty());
  EXPECT_FALSE(acknowledge(entry, 128));
  EXPECT_EQ(entry.delivery.bytes_done, 128U) << "it lost its state and began anew";
  EXPECT_FALSE(acknowledge(entry, 5000));
  EXPECT_EQ(entry.delivery.bytes_done, 1000U);
}

TEST_F(Push, ACancelledOneIsNotChangedByWhatItsTransportStillSays) {
  Entry& entry = delivery(S::transferring);
  (void)book.apply(entry, Trigger::cancel, now());
  for (const auto kind : {OutcomeKind::lost, OutcomeKind::transferred, OutcomeKind::failed,
                          OutcomeKind::refused_image, OutcomeKind::rolled_back}) {
    EXPECT_FALSE(outcome(entry, kind));
  }
  EXPECT_EQ(entry.delivery.state, S::cancelled);
  EXPECT_EQ(entry.delivery.attempts, 0U);
}

}  // namespace
}  // namespace ferry::delivery
