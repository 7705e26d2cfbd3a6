#include <gmock/gmock.h>

#include "tests/unit/storage/store_bench.hpp"

namespace ferry::storage::testing {
namespace {

using ::testing::ElementsAre;

class FleetStoreTest : public StoreTest {
 protected:
  FleetStoreTest() { options.outbox_limit = 5; }
  static Device device(const std::string& id, const std::string& version) {
    Device made;
    made.id = id;
    made.product = "pump";
    made.version = version;
    made.transport = "wifi";
    made.address = "10.0.0.7";
    made.last_seen = from_unix_ms(1'000'000);
    made.channel = "beta";
    made.assigned_version = "1.5";
    made.proven = true;
    return made;
  }
  static Delivery delivery(const std::string& to) {
    Delivery made;
    made.device = to;
    made.product = "pump";
    made.version = "1.1";
    made.bytes_total = 100;
    return made;
  }
};

using OutboxTest = FleetStoreTest;

TEST_F(FleetStoreTest, RemembersADevice) {
  open();
  ASSERT_OK(store->fleet().put(device("a", "1.0")));
  ASSERT_OK(store->fleet().put(device("a", "1.1")));
  ASSERT_OK(store->fleet().put(device("b", "")));
  open();
  const auto devices = store->fleet().devices();
  ASSERT_OK(devices);
  ASSERT_EQ(devices->size(), 2U);
  const Device& first = devices->front();
  EXPECT_EQ(first.version, "1.1");
  EXPECT_EQ(first.transport, "wifi");
  EXPECT_EQ(first.address, "10.0.0.7");
  EXPECT_EQ(first.last_seen, from_unix_ms(1'000'000));
  EXPECT_EQ(first.channel, "beta");
  EXPECT_EQ(first.assigned_version, "1.5");
  EXPECT_TRUE(first.proven);
}

TEST_F(FleetStoreTest, RefusesTextsThatAreTooLong) {
  open();
  EXPECT_FAILS(store->fleet().put(device(std::string(5000, 'x'), "1")), too_large);
}

TEST_F(FleetStoreTest, KeepsDevicesTogetherOrNoneOfThem) {
  open();
  ASSERT_OK(store->fleet().put({device("a", "1.0"), device("b", "1.1")}));
  EXPECT_EQ(store->fleet().devices()->size(), 2U);
  const std::vector<Device> mixed{device("c", "1.0"), device(std::string(5000, 'x'), "1")};
  EXPECT_FAILS(store->fleet().put(mixed), too_large);
  EXPECT_EQ(store->fleet().devices()->size(), 2U);
}

TEST_F(FleetStoreTest, FollowsADeliveryWithItsEvents) {
  open();
  const auto id = store->fleet().put(delivery("a"), {event("started")});
  ASSERT_OK(id);
  const auto second = store->fleet().put(delivery("b"), {});
  ASSERT_OK(second);
  Delivery done = delivery("a");
  done.id = *id;
  done.state = DeliveryState::installed;
  done.bytes_done = 100;
  done.detail = "{}";
  ASSERT_OK(store->fleet().put(done, {event("installed")}));
  open();
  const auto deliveries = store->fleet().deliveries(10);
  ASSERT_OK(deliveries);
  ASSERT_EQ(deliveries->size(), 2U);
  EXPECT_EQ((*deliveries)[0].id, *second) << "the newest first";
  EXPECT_EQ((*deliveries)[1].state, DeliveryState::installed);
  EXPECT_EQ((*deliveries)[1].bytes_done, 100U);
  EXPECT_EQ(store->fleet().deliveries(1)->size(), 1U);
  EXPECT_THAT(event_kinds(), ElementsAre("started", "installed"));
}

TEST_F(FleetStoreTest, AnUnknownDeliveryIsAnErrorAndLeavesNoEvent) {
  open();
  Delivery unknown = delivery("a");
  unknown.id = 77;
  EXPECT_FAILS(store->fleet().put(unknown, {event("installed")}), not_found);
  EXPECT_EQ(store->outbox().size().value(), 0U);
}

TEST_F(FleetStoreTest, EveryStateComesBackAsItWas) {
  open();
  for (std::size_t i = 0; i < delivery_states; ++i) {
    Delivery made = delivery("a");
    made.state = static_cast<DeliveryState>(i);
    ASSERT_OK(store->fleet().put(made, {}));
    EXPECT_EQ(store->fleet().deliveries(1)->front().state, made.state);
  }
}

TEST_F(FleetStoreTest, APushedDeliveryComesBackAsItWas) {
  open();
  Delivery made = delivery("a");
  made.mode = DeliveryMode::push;
  made.cause = "busy";
  made.image = "c0ffee";
  made.attempts = 3;
  const auto id = store->fleet().put(made, {});
  ASSERT_OK(id);
  made.id = *id;
  made.attempts = 4;
  made.not_before = from_unix_ms(5'000);
  made.paused = made.forced = made.may_install = true;
  ASSERT_OK(store->fleet().put(made, {}));
  open();
  const Delivery back = store->fleet().deliveries(1)->front();
  EXPECT_EQ(back.mode, DeliveryMode::push);
  EXPECT_EQ(back.cause, "busy");
  EXPECT_EQ(back.image, "c0ffee");
  EXPECT_EQ(back.attempts, 4U);
  EXPECT_EQ(back.not_before, from_unix_ms(5'000));
  EXPECT_TRUE(back.paused && back.forced && back.may_install);
}

TEST_F(FleetStoreTest, RemembersHowAReleaseSpreads) {
  open();
  Rollout rollout;
  rollout.product = "pump";
  rollout.version = "1.1";
  ASSERT_OK(store->rollouts().put(rollout, {}));
  rollout.settled = from_unix_ms(7'000);
  rollout.open = true;
  rollout.failures = 3;
  rollout.stopped = from_unix_ms(8'000);
  rollout.why = "3 failures";
  ASSERT_OK(store->rollouts().put(rollout, {event("stopped")}));
  open();
  const auto back = store->rollouts().all();
  ASSERT_OK(back);
  ASSERT_EQ(back->size(), 1U);
  EXPECT_EQ(back->front().version, "1.1");
  EXPECT_EQ(back->front().settled, rollout.settled);
  EXPECT_TRUE(back->front().open);
  EXPECT_EQ(back->front().failures, 3U);
  EXPECT_EQ(back->front().stopped, rollout.stopped);
  EXPECT_EQ(back->front().why, "3 failures");
  EXPECT_THAT(event_kinds(), ElementsAre("stopped"));
}

TEST_F(FleetStoreTest, CountsAFailureTogetherWithItsDelivery) {
  open();
  Rollout rollout;
  rollout.product = "pump";
  rollout.version = "1.1";
  rollout.failures = 1;
  Delivery unknown = delivery("a");
  unknown.id = 77;
  EXPECT_FAILS(store->fleet().put(unknown, {}, rollout), not_found);
  EXPECT_TRUE(store->rollouts().all()->empty());
  rollout.why = std::string(5000, 'x');
  EXPECT_FAILS(store->fleet().put(delivery("a"), {event("failed")}, rollout), too_large);
  EXPECT_TRUE(store->fleet().deliveries(10)->empty());
  rollout.why = "";
  ASSERT_OK(store->fleet().put(delivery("a"), {event("failed")}, rollout));
  EXPECT_EQ(store->rollouts().all()->front().failures, 1U);
  EXPECT_EQ(store->fleet().deliveries(10)->size(), 1U);
  EXPECT_THAT(event_kinds(), ElementsAre("failed"));
}

TEST_F(FleetStoreTest, RemembersASource) {
  open();
  EXPECT_EQ(store->fleet().source("cloud")->sequence, 0U);
  SourceState state;
  state.name = "cloud";
  state.last_success = from_unix_ms(5);
  state.last_attempt = from_unix_ms(6);
  state.last_error = "no route";
  state.validator = "\"etag\"";
  state.sequence = 42;
  state.bytes_fetched = 1ULL << 40U;
  state.rejected = 3;
  ASSERT_OK(store->fleet().put(state));
  open();
  const auto back = store->fleet().source("cloud");
  ASSERT_OK(back);
  EXPECT_EQ(back->last_success, state.last_success);
  EXPECT_EQ(back->last_attempt, state.last_attempt);
  EXPECT_EQ(back->last_error, state.last_error);
  EXPECT_EQ(back->validator, state.validator);
  EXPECT_EQ(back->sequence, state.sequence);
  EXPECT_EQ(back->bytes_fetched, state.bytes_fetched);
  EXPECT_EQ(back->rejected, state.rejected);
}

TEST_F(OutboxTest, KeepsEventsUntilTheyAreAcknowledged) {
  open();
  Event first = event("fetched", "{\"n\":1}");
  first.at = from_unix_ms(123);
  ASSERT_OK(store->outbox().append({first, event("verified"), event("delivered")}));
  open();
  const auto waiting = store->outbox().waiting(0, 2);
  ASSERT_OK(waiting);
  ASSERT_EQ(waiting->size(), 2U);
  EXPECT_EQ(waiting->front().at, from_unix_ms(123));
  EXPECT_EQ(waiting->front().detail, "{\"n\":1}");
  // The second is acknowledged before the first.
  ASSERT_OK(store->outbox().acknowledge({(*waiting)[1].sequence}));
  EXPECT_THAT(event_kinds(), ElementsAre("fetched", "delivered"));
  EXPECT_EQ(store->outbox().waiting(waiting->front().sequence, 10)->size(), 1U);
  ASSERT_OK(store->outbox().acknowledge({(*waiting)[1].sequence}));
}

TEST_F(OutboxTest, NeverUsesASequenceTwice) {
  open();
  ASSERT_OK(store->outbox().append({event("a")}));
  const auto first = store->outbox().waiting(0, 1)->front().sequence;
  ASSERT_OK(store->outbox().acknowledge({first}));
  open();
  ASSERT_OK(store->outbox().append({event("b")}));
  EXPECT_GT(store->outbox().waiting(0, 1)->front().sequence, first);
}

TEST_F(OutboxTest, DropsTheOldestOfWhatGoesOnBeforeAnyOutcome) {
  open();
  ASSERT_OK(store->outbox().append({event("installed"), event("fetched"), event("failed")}));
  ASSERT_OK(store->outbox().append({event("delivered"), event("installed"), event("verified")}));
  EXPECT_THAT(event_kinds(),
              ElementsAre("installed", "failed", "delivered", "installed", "verified"));
  EXPECT_EQ(store->outbox().dropped().value(), 1U);
  EXPECT_EQ(store->outbox().size().value(), 5U);
  ASSERT_OK(store->outbox().append({event("rolled_back"), event("cancelled")}));
  EXPECT_THAT(event_kinds(),
              ElementsAre("installed", "failed", "installed", "rolled_back", "cancelled"));
  // Even what is the newest.
  ASSERT_OK(store->outbox().append({event("delivered")}));
  EXPECT_THAT(event_kinds(),
              ElementsAre("installed", "failed", "installed", "rolled_back", "cancelled"));
  EXPECT_EQ(store->usage()->events_dropped, 4U);
}

TEST_F(OutboxTest, AcknowledgesStretchesAndWhatStandsAlone) {
  options.outbox_limit = 100;
  open();
  std::vector<Event> events;
  for (int i = 1; i <= 10; ++i) events.push_back(event("k" + std::to_string(i)));
  ASSERT_OK(store->outbox().append(events));
  ASSERT_OK(store->outbox().acknowledge({9, 2, 3, 3, 4, 7, 999}));
  EXPECT_THAT(event_kinds(), ElementsAre("k1", "k5", "k6", "k8", "k10"));
  EXPECT_EQ(store->outbox().size().value(), 5U);
  ASSERT_OK(store->outbox().acknowledge({}));
  EXPECT_EQ(store->outbox().size().value(), 5U);
}

TEST_F(OutboxTest, DropsTheOldestWhenOnlyOutcomesAreLeft) {
  open();
  for (int i = 0; i < 8; ++i) ASSERT_OK(store->outbox().append({event("k" + std::to_string(i))}));
  EXPECT_THAT(event_kinds(), ElementsAre("k3", "k4", "k5", "k6", "k7"));
  EXPECT_EQ(store->outbox().dropped().value(), 3U);
  EXPECT_EQ(store->usage()->events_dropped, 3U);
}

}  // namespace
}  // namespace ferry::storage::testing
