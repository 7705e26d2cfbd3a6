// The road of a delivery through the desk: what devices are told, and what survives a restart.
#include "tests/unit/delivery/engine_bench.hpp"

namespace ferry::agent::testing {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using S = DeliveryState;

TEST_F(EngineTest, ADeviceIsBroughtToTheNewestRelease) {
  release("1.1");
  ToldDevice device;
  const auto transfer = ask(device);
  ASSERT_TRUE(transfer);
  EXPECT_EQ(transfer->step, StepKind::transfer);
  EXPECT_EQ(transfer->offer->version, "1.1");
  EXPECT_EQ(transfer->acknowledged, 0U);
  EXPECT_EQ(row().state, S::scheduled);
  acknowledge(device, *transfer, 100);
  EXPECT_EQ(row().state, S::transferring);
  device.staged = names["1.1"];
  end(device, *transfer, OutcomeKind::transferred);
  EXPECT_EQ(row().state, S::transferred);
  EXPECT_TRUE(obey(device));
  EXPECT_EQ(row().state, S::activated);
  EXPECT_TRUE(obey(device));
  EXPECT_EQ(row().state, S::installed);
  EXPECT_FALSE(ask(device));
  EXPECT_THAT(event_kinds(), ElementsAre("fetched", "delivered", "installed"));
  EXPECT_EQ(rows().size(), 1U);
}

TEST_F(EngineTest, GoesOnAfterARestartInEveryState) {
  release("1.1");
  for (int cut = 0; cut < 7; ++cut) {
    ToldDevice device;
    device.id = "p" + std::to_string(cut);
    std::optional<StepReply> step;
    int done = 0;
    const auto here = [&] {
      if (done++ != cut) return false;
      restart();
      return true;
    };
    step = ask(device);
    ASSERT_TRUE(step);
    if (!here()) {  // not while it is scheduled
      acknowledge(device, *step, 100);
      if (!here()) {  // nor transferring
        device.staged = names["1.1"];
        end(device, *step, OutcomeKind::transferred);
        if (!here()) {  // nor transferred
          step = ask(device);
          if (!here()) {  // nor while it is told to start
            end(device, *step, OutcomeKind::activated);
            device.swap();
            if (!here()) {  // nor activated
              step = ask(device);
              if (!here()) end(device, *step, OutcomeKind::confirmed);
            }
          }
        }
      }
    }
    if (done == 6 && cut == 6) device.state = ImageState::confirmed;
    restart();
    EXPECT_EQ(bring(device), S::installed) << "cut " << cut;
    EXPECT_EQ(rows().size(), static_cast<std::size_t>(cut) + 1) << "one delivery for each";
  }
}

TEST_F(EngineTest, ALostOneGoesOnWhereItStoppedOverWhicheverTransport) {
  release("1.1");
  ToldDevice device;
  const auto first = ask(device, "serial");
  ASSERT_TRUE(first);
  acknowledge(device, *first, 700);
  end(device, *first, OutcomeKind::lost);
  EXPECT_EQ(row().state, S::waiting);
  EXPECT_EQ(row().bytes_done, 700U);
  restart();
  const auto again = ask(device, "ble");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->acknowledged, 700U);
  EXPECT_EQ(again->offer->delivery, first->offer->delivery);
  EXPECT_EQ(row().transport, "ble");
  EXPECT_EQ(row().attempts, 0U);
}

TEST_F(EngineTest, AStepIsInTheHandsOfOneTransport) {
  release("1.1");
  ToldDevice device;
  const auto first = ask(device, "serial");
  ASSERT_TRUE(first);
  EXPECT_FALSE(ask(device, "ble"));
  const auto same = ask(device, "serial");
  ASSERT_TRUE(same) << "a new question is answered by the same step";
  EXPECT_EQ(same->offer->delivery, first->offer->delivery);
  desk->gone("serial");
  worker.drain();
  EXPECT_EQ(row().state, S::waiting);
  time.pass(seconds(1));
  EXPECT_TRUE(ask(device, "ble"));
  time.pass(minutes(11));
  EXPECT_TRUE(ask(device, "serial")) << "nothing was heard of it for so long";
}

TEST_F(EngineTest, ARollbackIsToldAndNotTriedAgainByItself) {
  release("1.1");
  ToldDevice device;
  EXPECT_TRUE(obey(device));
  EXPECT_TRUE(obey(device));
  device.swap();  // the new image did not hold
  EXPECT_FALSE(ask(device)) << "it may not have restarted yet";
  EXPECT_THAT(wakes, Contains(Duration(delivery::restart_time)));
  time.pass(seconds(3));
  EXPECT_FALSE(ask(device));
  EXPECT_EQ(row().state, S::rolled_back);
  EXPECT_THAT(event_kinds(), Contains("rolled_back"));
  restart();
  time.pass(hours(48));
  EXPECT_FALSE(ask(device));
  ASSERT_OK(order(Order::retry));
  const auto again = ask(device);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->step, StepKind::activate) << "it has the image already";
  release("1.2");
  EXPECT_EQ(bring(device), S::installed);
  EXPECT_EQ(row().version, "1.2");
}

TEST_F(EngineTest, RefusalsAreFinalUntilANewerReleaseComes) {
  release("1.1");
  ToldDevice device;
  for (const auto kind : {OutcomeKind::refused_image, OutcomeKind::refused_size,
                          OutcomeKind::refused_downgrade, OutcomeKind::refused_unpaired}) {
    device.id = std::string(to_string(kind));
    const auto step = ask(device);
    ASSERT_TRUE(step);
    end(device, *step, kind);
    EXPECT_EQ(row(device.id).state, S::failed);
    EXPECT_EQ(row(device.id).cause, to_string(kind));
    restart();
    time.pass(hours(48));
    EXPECT_FALSE(ask(device));
  }
  release("1.2");
  EXPECT_EQ(bring(device), S::installed);
}

TEST_F(EngineTest, FailuresAreRetriedWithPausesAndThenGivenUp) {
  release("1.1");
  const ToldDevice device;
  for (int attempt = 1; attempt <= 5; ++attempt) {
    const auto step = ask(device);
    ASSERT_TRUE(step) << attempt;
    wakes.clear();
    end(device, *step, OutcomeKind::busy);
    if (attempt == 5) break;
    EXPECT_FALSE(ask(device));
    EXPECT_THAT(wakes, Contains(delivery::pause_after(settings, attempt)));
    if (attempt == 2) {
      EXPECT_EQ(why(), "waits: retry in 120s (attempt 3 of 5)");
      restart();
      EXPECT_FALSE(ask(device)) << "the pause goes on after a restart";
    }
    time.pass(delivery::pause_after(settings, attempt));
  }
  EXPECT_EQ(row().state, S::failed);
  EXPECT_EQ(row().cause, "busy");
  EXPECT_FALSE(ask(device));
}

TEST_F(EngineTest, ADeviceThatTellsNothingGetsAReleaseOnce) {
  release("1.1");
  ToldDevice device;
  device.version = device.image = "";
  const auto step = ask(device);
  ASSERT_TRUE(step);
  end(device, *step, OutcomeKind::transferred);
  EXPECT_EQ(row().state, S::transferred);
  EXPECT_FALSE(ask(device));
  time.pass(settings.report_within);
  desk->expire();
  EXPECT_EQ(row().state, S::unknown);
  restart();
  EXPECT_FALSE(ask(device));
  release("1.2");
  EXPECT_TRUE(ask(device)) << "of each release";
}

TEST_F(EngineTest, AnImageTellsTheReleaseWhateverItsVersionSays) {
  release("1.1");
  release("1.2");
  ToldDevice device;
  device.image = names["1.2"];
  device.version = "0.9";
  EXPECT_FALSE(ask(device));
  device.image = names["1.1"];
  device.version = "1.2";
  const auto step = ask(device);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->offer->version, "1.2");
  EXPECT_EQ(desk->devices().at("pump/p1").version, "1.1");
}

TEST_F(EngineTest, OneThatNamesNoImageIsFollowedByItsVersion) {
  release("1.1");
  ToldDevice device;
  device.image = "";
  auto step = ask(device);
  ASSERT_TRUE(step);
  end(device, *step, OutcomeKind::transferred);
  step = ask(device);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->step, StepKind::activate);
  end(device, *step, OutcomeKind::activated);
  EXPECT_FALSE(ask(device));
  device.version = "1.1";
  EXPECT_FALSE(ask(device));
  EXPECT_EQ(row().state, S::installed);
}

TEST_F(EngineTest, WhatCannotBeRememberedIsNotPushed) {
  release("1.1");
  ToldDevice device;
  device.id = std::string(5000, 'x');  // longer than the store takes
  EXPECT_EQ(ask_result(device), FERRY_UNAVAILABLE);
  EXPECT_EQ(ask_result(device), FERRY_UNAVAILABLE) << "later, perhaps";
  EXPECT_TRUE(rows().empty());
}

TEST_F(EngineTest, ANewerReleaseTakesThePlaceOfOneThatWaits) {
  release("1.1");
  const ToldDevice device;
  const auto step = ask(device);
  ASSERT_TRUE(step);
  end(device, *step, OutcomeKind::busy);
  release("1.2");
  const auto newer = ask(device);
  ASSERT_TRUE(newer);
  EXPECT_EQ(newer->offer->version, "1.2");
  EXPECT_EQ(rows().front().state, S::cancelled);
  EXPECT_EQ(rows().front().detail, "followed by 1.2");
}

TEST_F(EngineTest, OneOnTrialIsBroughtToAnEndBeforeAnythingNewer) {
  release("1.1");
  ToldDevice device;
  EXPECT_TRUE(obey(device));
  EXPECT_TRUE(obey(device));
  release("1.2");
  const auto step = ask(device);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->step, StepKind::confirm);
  EXPECT_EQ(step->offer->version, "1.1");
  EXPECT_EQ(bring(device), S::installed);
  EXPECT_EQ(row().version, "1.2");
}

TEST_F(EngineTest, OneThatDoesNotComeBackIsUnknownAndMendedLate) {
  release("1.1");
  ToldDevice device;
  EXPECT_TRUE(obey(device));
  EXPECT_TRUE(obey(device));
  restart();
  time.pass(settings.confirm_within);
  desk->expire();
  EXPECT_EQ(row().state, S::unknown);
  restart();
  EXPECT_EQ(bring(device), S::installed);
}

TEST_F(EngineTest, AReleaseThatDoesNotStayOnADeviceIsNotInstalledForEver) {
  release("1.1");
  for (int i = 0; i < 10; ++i) {
    ToldDevice device;
    (void)bring(device);
  }
  EXPECT_EQ(rows().size(), 3U);
}

TEST_F(EngineTest, AClockThatJumpsEndsNoPauseAndNoTrial) {
  release("1.1");
  ToldDevice device;
  const auto step = ask(device);
  ASSERT_TRUE(step);
  end(device, *step, OutcomeKind::busy);
  time.wall = from_unix_ms(60'000);  // 1970
  EXPECT_EQ(why(), "waits: retry in 60s (attempt 2 of 5)");
  restart();
  EXPECT_EQ(why(), "waits: the device to show itself");
  EXPECT_FALSE(ask(device)) << "never more than an hour";
  time.pass(hours(1));
  EXPECT_EQ(bring(device), S::installed);
}

}  // namespace
}  // namespace ferry::agent::testing
