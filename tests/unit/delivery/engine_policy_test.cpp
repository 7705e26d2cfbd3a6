// What keeps deliveries waiting, whether devices are told or ask; and what operators say to it.
#include "tests/unit/delivery/engine_bench.hpp"

namespace ferry::agent::testing {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::Contains;
using ::testing::ElementsAre;
using S = DeliveryState;

ToldDevice named(const std::string& id) {
  ToldDevice device;
  device.id = id;
  return device;
}

class EnginePolicy : public EngineTest {
 protected:
  void fail_for_good(const std::string& id) {
    const auto device = named(id);
    const auto step = ask(device);
    ASSERT_TRUE(step) << id;
    end(device, *step, OutcomeKind::refused_image);
  }
};

TEST_F(EnginePolicy, AWindowOverMidnightOpensByItself) {
  settings.window = {config::DayWindow{22 * 60, 6 * 60}};
  restart();
  release("1.1");
  ToldDevice device;
  EXPECT_FALSE(ask(device));
  EXPECT_EQ(row().state, S::waiting);
  EXPECT_EQ(why(), "waits: window 22:00-06:00");
  EXPECT_THAT(wakes, Contains(Duration(minutes(5)))) << "the clock may be set meanwhile";
  time.wall += hours(10) - minutes(1);
  wakes.clear();
  EXPECT_FALSE(ask(device));
  EXPECT_THAT(wakes, Contains(Duration(minutes(1))));
  time.pass(hours(1));
  EXPECT_TRUE(obey(device)) << "22:59";
  time.pass(hours(8));
  EXPECT_FALSE(obey(device)) << "07:00: it is not restarted by day";
  EXPECT_EQ(why(), "waits: window 22:00-06:00");
  ASSERT_OK(order(Order::force));
  EXPECT_EQ(bring(device), S::installed);
}

TEST_F(EnginePolicy, OneThatAsksAnewAfterItsWindowClosedWaits) {
  settings.window = {config::DayWindow{11 * 60, 13 * 60}};
  restart();
  release("1.1");
  const ToldDevice device;
  const auto step = ask(device);
  ASSERT_TRUE(step);
  acknowledge(device, *step, 700);
  time.pass(hours(2));
  EXPECT_FALSE(ask(device));
  EXPECT_EQ(row().state, S::waiting);
  EXPECT_EQ(row().bytes_done, 700U);
}

TEST_F(EnginePolicy, ALowBatteryIsLeftInPeaceAndToldSo) {
  settings.minimum_battery = 50;
  restart();
  release("1.1");
  ToldDevice device;
  device.battery = 20;
  EXPECT_FALSE(ask(device));
  EXPECT_EQ(why(), "waits: battery 20 % below 50 %");
  device.battery = 60;
  EXPECT_TRUE(ask(device));
}

TEST_F(EnginePolicy, SoManyAtOnceAndTheNextWhenOneEnds) {
  settings.at_once = 2;
  restart();
  release("1.1");
  const auto first = ask(named("a"));
  ASSERT_TRUE(first);
  EXPECT_TRUE(ask(named("b")));
  EXPECT_FALSE(ask(named("c")));
  EXPECT_EQ(why("c"), "waits: 2 at once on serial");
  EXPECT_TRUE(ask(named("d"), "serial2")) << "on each transport";
  wakes.clear();
  end(named("a"), *first, OutcomeKind::transferred);
  EXPECT_THAT(wakes, Contains(Duration(0)));
  EXPECT_TRUE(ask(named("c")));
}

TEST_F(EnginePolicy, FailuresStopAReleaseForAllDevicesToldOrAsking) {
  settings.stop_after = 2;
  restart();
  release("1.1");
  const auto under_way = ask(named("z"));
  ASSERT_TRUE(under_way);
  fail_for_good("a");
  fail_for_good("b");
  EXPECT_THAT(cancelled, ElementsAre(under_way->offer->delivery)) << "in mid-transfer too";
  EXPECT_FALSE(ask(named("c")));
  EXPECT_EQ(why("c"), "stopped: 2 failures");
  EXPECT_FALSE(offered(named("d")));
  EXPECT_EQ(why("d"), "stopped: 2 failures");
  EXPECT_THAT(event_kinds(), Contains("stopped"));
  EXPECT_TRUE(desk->stopped("pump", "1.1"));
  restart();
  EXPECT_FALSE(ask(named("c")));
  EXPECT_EQ(desk->rollout("pump", "1.1"), "stopped: 2 failures");
  ASSERT_OK(desk->lift("pump", "1.1"));
  EXPECT_FAILS(desk->lift("pump", "1.1"), not_found);
  EXPECT_TRUE(ask(named("c")));
  EXPECT_TRUE(offered(named("d")));
  EXPECT_EQ(row("d").state, S::transferring);
}

TEST_F(EnginePolicy, ARolloutBeginsWithAFewAndGoesOnAfterThePause) {
  settings.rollout_first = 2;
  settings.rollout_wait = hours(1);
  restart();
  release("1.1");
  ToldDevice a = named("a");
  ToldDevice b = named("b");
  ToldDevice c = named("c");
  const auto first = ask(a);
  ASSERT_TRUE(first);
  EXPECT_TRUE(offered(b)) << "one that asks takes a place as well";
  EXPECT_FALSE(ask(c));
  EXPECT_EQ(why("c"), "waits: rollout, first 2 devices");
  EXPECT_FALSE(offered(named("d")));
  EXPECT_EQ(why("d"), "waits: rollout, first 2 devices");
  end(a, *first, OutcomeKind::lost);
  EXPECT_TRUE(ask(c)) << "one that went away gives its place to another";
  EXPECT_FALSE(ask(a));
  EXPECT_EQ(bring(c), S::installed);
  b.version = "1.1";
  b.image = "";
  EXPECT_FALSE(offered(b));
  EXPECT_EQ(row("b").state, S::installed);
  restart();
  EXPECT_FALSE(ask(a));
  EXPECT_EQ(why("a"), "waits: rollout, first 2 devices, the others in 60min");
  time.pass(hours(1));
  EXPECT_EQ(bring(a), S::installed);
  EXPECT_TRUE(offered(named("d")));
}

TEST_F(EnginePolicy, AFirstGroupIsNotExceededByThoseWhoComeAtOnce) {
  settings.rollout_first = 2;
  restart();
  release("1.1");
  std::size_t given = 0;
  for (const char* id : {"a", "b", "c", "d"}) {
    formats::link::AskStep question;
    question.device = named(id).claim();
    desk->next("serial", question,
               [&](const StepReply& reply) { given += reply.result == FERRY_OK ? 1 : 0; });
  }
  worker.drain();
  EXPECT_EQ(given, 2U);
  release("1.2");
  given = 0;
  for (const char* id : {"e", "f", "g", "h"}) {
    formats::link::AskOffer question;
    question.device = named(id).claim();
    desk->offer("wifi", question, [&](const formats::link::OfferReply& reply) {
      given += reply.result == FERRY_OK ? 1 : 0;
    });
  }
  worker.drain();
  EXPECT_EQ(given, 2U);
}

TEST_F(EnginePolicy, AFirstGroupMayBeAShareOfTheDevices) {
  settings.rollout_percent = 50;
  restart();
  for (const char* id : {"a", "b", "c", "d"}) EXPECT_FALSE(ask(named(id)));
  release("1.1");
  EXPECT_TRUE(ask(named("a")));
  EXPECT_TRUE(ask(named("b")));
  EXPECT_FALSE(ask(named("c")));
  EXPECT_EQ(why("c"), "waits: rollout, first 50 % of the devices (2)");
}

TEST_F(EnginePolicy, AnAssignedDeviceWaitsForNoRollout) {
  settings.rollout_first = 1;
  restart();
  release("1.1");
  EXPECT_TRUE(ask(named("a")));
  EXPECT_FALSE(ask(named("b")));
  wakes.clear();
  ASSERT_OK(desk->assign("b", "", "1.1", false));
  EXPECT_THAT(wakes, Contains(Duration(0))) << "it is asked to ask";
  EXPECT_TRUE(ask(named("b")));
}

TEST_F(EnginePolicy, AnOfferIsWithheldAndItsRowSaysWhy) {
  settings.window = {config::DayWindow{22 * 60, 6 * 60}};
  restart();
  release("1.1");
  const ToldDevice device;
  EXPECT_FALSE(offered(device));
  EXPECT_FALSE(offered(device));
  ASSERT_EQ(rows().size(), 1U);
  EXPECT_EQ(row().state, S::waiting);
  EXPECT_EQ(row().mode, storage::DeliveryMode::pull);
  EXPECT_EQ(why(), "waits: window 22:00-06:00");
  time.pass(hours(11));
  EXPECT_TRUE(offered(device));
  EXPECT_EQ(row().state, S::transferring);
  time.pass(hours(8));
  EXPECT_TRUE(offered(device)) << "what it has begun it may go on with";
  EXPECT_EQ(rows().size(), 1U);
}

TEST_F(EnginePolicy, AnOperatorPausesAndResumesInMidTransfer) {
  release("1.1");
  ToldDevice device;
  const auto step = ask(device);
  ASSERT_TRUE(step);
  acknowledge(device, *step, 700);
  ASSERT_OK(order(Order::pause));
  EXPECT_THAT(cancelled, ElementsAre(row().id));
  end(device, *step, OutcomeKind::lost);
  EXPECT_FALSE(ask(device));
  EXPECT_EQ(why(), "paused");
  restart();
  EXPECT_FALSE(ask(device));
  EXPECT_FALSE(offered(device));
  wakes.clear();
  ASSERT_OK(order(Order::resume));
  EXPECT_THAT(wakes, Contains(Duration(0)));
  const auto again = ask(device);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->acknowledged, 700U);
}

TEST_F(EnginePolicy, AnOperatorCancelsAndRetries) {
  release("1.1");
  ToldDevice device;
  const auto step = ask(device);
  ASSERT_TRUE(step);
  ASSERT_OK(order(Order::cancel));
  EXPECT_EQ(row().state, S::cancelled);
  EXPECT_EQ(cancelled.size(), 1U);
  end(device, *step, OutcomeKind::transferred);
  EXPECT_EQ(row().state, S::cancelled) << "the operator's word stands";
  EXPECT_FALSE(ask(device));
  EXPECT_FALSE(offered(device));
  EXPECT_FAILS(order(Order::cancel), denied);
  EXPECT_FAILS(order(Order::pause), denied);
  ASSERT_OK(order(Order::retry));
  EXPECT_EQ(bring(device), S::installed);
  EXPECT_FAILS(order(Order::retry), denied);
  EXPECT_FAILS(desk->order(999, Order::pause), not_found);
}

TEST_F(EnginePolicy, ACancelledStepThatIsStillBeingPreparedIsNotHandedOut) {
  release("1.1");
  const ToldDevice device;
  (void)ask(device);
  end(device, *ask(device), OutcomeKind::lost);
  time.pass(minutes(1));
  formats::link::AskStep question;
  question.device = device.claim();
  int result = -1;
  desk->next("serial", question, [&](StepReply reply) { result = reply.result; });
  ASSERT_EQ(result, -1) << "with the worker";
  ASSERT_OK(desk->order(1, Order::cancel));
  worker.drain();
  EXPECT_EQ(result, FERRY_NOT_FOUND);
  EXPECT_EQ(row().state, S::cancelled);
}

TEST_F(EnginePolicy, InstallationOnCommand) {
  settings.install = config::InstallWhen::on_command;
  restart();
  release("1.1");
  ToldDevice device;
  EXPECT_EQ(bring(device), S::transferred);
  EXPECT_EQ(why(), "waits: install on command");
  restart();
  time.pass(hours(100));
  desk->expire();
  EXPECT_EQ(row().state, S::transferred) << "it waits as long as it takes";
  ASSERT_OK(order(Order::install));
  restart();
  EXPECT_EQ(bring(device), S::installed);
  settings.install = config::InstallWhen::at_once;
  restart();
  release("1.2");
  EXPECT_TRUE(ask(device));
  EXPECT_FAILS(order(Order::install), denied);
}

TEST_F(EnginePolicy, ADeliveryWhoseReleaseIsGoneSaysSo) {
  release("1.1");
  const ToldDevice device;
  const auto step = ask(device);
  ASSERT_TRUE(step);
  end(device, *step, OutcomeKind::lost);
  time.pass(minutes(1));
  ASSERT_OK(store->releases().evict(storage::testing::release_of("1.1", {}).release, "quota"));
  read_catalog();
  EXPECT_FALSE(ask(device));
  EXPECT_EQ(why(), "waits: its release is not here");
}

TEST_F(EnginePolicy, TheDeviceConfirmsItself) {
  settings.confirm = config::ConfirmedBy::device;
  restart();
  release("1.1");
  ToldDevice device;
  EXPECT_EQ(bring(device), S::activated);
  EXPECT_EQ(why(), "waits: the device to come back and confirm");
  device.state = ImageState::confirmed;
  EXPECT_FALSE(ask(device));
  EXPECT_EQ(row().state, S::installed);
}

TEST_F(EnginePolicy, ASecondQuestionWhileTheFirstIsPreparedIsPutOff) {
  release("1.1");
  const ToldDevice device;
  formats::link::AskStep question;
  question.device = device.claim();
  int first = -1;
  int second = -1;
  desk->next("serial", question, [&](StepReply reply) { first = reply.result; });
  desk->next("serial", question, [&](StepReply reply) { second = reply.result; });
  EXPECT_EQ(second, FERRY_UNAVAILABLE);
  worker.drain();
  EXPECT_EQ(first, FERRY_OK);
}

}  // namespace
}  // namespace ferry::agent::testing
