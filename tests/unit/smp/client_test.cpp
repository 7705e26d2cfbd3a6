#include "transports/smp/client.hpp"

#include <gtest/gtest.h>

#include "tests/unit/smp/drive.hpp"

namespace ferry::smp::test {
namespace {

class ClientTest : public testing::Test {
 protected:
  template <typename T>
  Done<T> into(Reply<T>& reply) {
    return [this, &reply](Reply<T> got) {
      reply = std::move(got);
      ++ended;
    };
  }
  template <typename T>
  static Reply<T> none() {
    return tl::unexpected<Fault>(Fault{Outcome::other, "not called", {}});
  }

  int ended = 0;
  DeviceModel device;
  Client client{ClientOptions{}};
  Drive drive{client, device};
};

TEST_F(ClientTest, AsksWhatThereIsToAskOfADevice) {
  auto echoed = none<std::string>();
  auto information = none<std::string>();
  auto bootloader = none<std::string>();
  auto parameters = none<Parameters>();
  client.echo("hallo", into(echoed));
  client.os_info("sv", into(information));
  client.bootloader(into(bootloader));
  client.parameters(into(parameters));
  ASSERT_TRUE(drive.run());
  EXPECT_EQ(echoed.value(), "hallo");
  EXPECT_EQ(information.value(), "Zephyr sv");
  EXPECT_EQ(bootloader.value(), "MCUboot");
  EXPECT_EQ(parameters->buffer_size, 384U);
  EXPECT_EQ(parameters->buffer_count, 4U);
  EXPECT_TRUE(parameters->told);
}

TEST_F(ClientTest, ReadsAndWritesTheImageState) {
  device.image_hash = std::string(32, 'n');
  auto state = none<std::vector<ImageSlot>>();
  client.image_state(into(state));
  ASSERT_TRUE(drive.run());
  ASSERT_EQ(state->size(), 2U);
  EXPECT_TRUE(state->front().active);
  EXPECT_TRUE(state->front().confirmed);
  EXPECT_EQ(state->front().version, "1.0.0");
  EXPECT_FALSE(state->back().active);
  EXPECT_EQ(state->back().hash, device.image_hash);

  client.test(device.image_hash, into(state));
  ASSERT_TRUE(drive.run());
  EXPECT_EQ(device.tested, device.image_hash);
  EXPECT_TRUE(state->back().pending);

  client.test(std::string(32, 'x'), into(state));
  ASSERT_TRUE(drive.run());
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().outcome, Outcome::invalid_image);

  client.confirm(std::nullopt, into(state));
  ASSERT_TRUE(drive.run());
  EXPECT_TRUE(device.confirmed);
  EXPECT_FALSE(device.requests.back().body.contains("hash"));
}

TEST_F(ClientTest, ErasingThatSaysTooLongHasWorked) {
  device.settings().erase_says_too_long = true;
  auto erased = none<void>();
  client.erase(1, into(erased));
  ASSERT_TRUE(drive.run());
  EXPECT_TRUE(erased);
  EXPECT_EQ(device.requests.back().body.at("slot"), 1);
}

TEST_F(ClientTest, ALostRequestIsSentAgain) {
  drive.lose_packet = [](int number) { return number == 1; };
  drive.lose_answer = [](int number) { return number == 2; };
  auto echoed = none<std::string>();
  client.echo("a", into(echoed));
  ASSERT_TRUE(drive.run());
  EXPECT_EQ(echoed.value(), "a");
  EXPECT_EQ(drive.packets, 3);
}

TEST_F(ClientTest, SilenceEndsAfterTheAttempts) {
  drive.lose_packet = [](int) { return true; };
  auto echoed = none<std::string>();
  client.echo("a", into(echoed));
  ASSERT_TRUE(drive.run());
  ASSERT_FALSE(echoed);
  EXPECT_EQ(echoed.error().outcome, Outcome::no_answer);
  EXPECT_EQ(drive.packets, ClientOptions{}.attempts);
}

TEST_F(ClientTest, AResetIsNeverSentTwice) {
  drive.lose_answer = [](int) { return true; };
  auto reset = none<void>();
  client.reset(into(reset));
  ASSERT_TRUE(drive.run());
  EXPECT_TRUE(device.was_reset);
  EXPECT_EQ(drive.packets, 1);
  EXPECT_EQ(reset.error().outcome, Outcome::no_answer);
}

TEST_F(ClientTest, ABusyDeviceIsAskedAgainAfterAPause) {
  device.settings().busy = 2;
  auto state = none<std::vector<ImageSlot>>();
  client.image_state(into(state));
  ASSERT_TRUE(drive.run());
  EXPECT_TRUE(state);
  EXPECT_GE(drive.now.time_since_epoch(), 2 * ClientOptions{}.busy_pause);
}

TEST_F(ClientTest, AnswersToOthersAreIgnored) {
  auto echoed = none<std::string>();
  client.echo("a", into(echoed));
  const std::optional<std::string> request = client.next_output(drive.now);
  ASSERT_TRUE(request);
  client.written(drive.now);
  const std::string good = *device.answer(as_bytes(*request));
  for (const std::size_t at : {0U, 5U, 6U, 7U}) {  // operation, group, sequence, command
    std::string other = good;
    other[at] = static_cast<char>(other[at] ^ 1);
    client.received(as_bytes(other), drive.now);
    EXPECT_EQ(ended, 0) << at;
  }
  client.received(as_bytes(*request), drive.now);
  client.received(as_bytes(good.substr(0, good.size() - 1)), drive.now);
  EXPECT_EQ(ended, 0);
  client.received(as_bytes(good), drive.now);
  EXPECT_EQ(ended, 1);
  client.received(as_bytes(good), drive.now);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(echoed.value(), "a");
}

TEST_F(ClientTest, AVersion2RequestMayBeAnsweredByVersion1) {
  ClientOptions options;
  options.version = 1;
  Client newer(options);
  Drive other(newer, device);
  auto echoed = none<std::string>();
  newer.echo("a", into(echoed));
  ASSERT_TRUE(other.run());
  EXPECT_EQ(device.requests.back().header.version, 1);
  EXPECT_EQ(echoed.value(), "a");
}

TEST_F(ClientTest, TooManyOperationsAreRefusedAtOnce) {
  for (std::size_t i = 0; i < Client::queue_limit; ++i) client.echo("a", [](auto) {});
  auto echoed = none<std::string>();
  client.echo("b", into(echoed));
  ASSERT_EQ(ended, 1);
  EXPECT_EQ(echoed.error().outcome, Outcome::busy);
}

TEST_F(ClientTest, CancelEndsEachOnceAndCallbacksMayGoOn) {
  auto second = none<std::string>();
  client.echo("a", [&](Reply<std::string> got) {
    EXPECT_EQ(got.error().outcome, Outcome::cancelled);
    client.echo("b", into(second));
  });
  EXPECT_TRUE(client.next_output(drive.now));  // in the middle of being written
  client.cancel();
  EXPECT_FALSE(client.worth_writing());
  client.written(drive.now);
  ASSERT_TRUE(drive.run());
  EXPECT_EQ(second.value(), "b");
}

TEST_F(ClientTest, NothingGoesOutBeforeThePacketBeforeIsWritten) {
  client.echo("a", [](auto) {});
  client.echo("b", [](auto) {});
  EXPECT_TRUE(client.next_output(drive.now));
  EXPECT_FALSE(client.next_output(drive.now));
  EXPECT_FALSE(client.deadline());
  client.written(drive.now);
  EXPECT_FALSE(client.next_output(drive.now));
  EXPECT_TRUE(client.deadline());
}

}  // namespace
}  // namespace ferry::smp::test
