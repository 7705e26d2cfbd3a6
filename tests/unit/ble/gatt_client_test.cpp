#include "transports/ble/gatt_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/ble/gatt_device.hpp"

namespace ferry::ble {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

GattTarget target() {
  GattTarget target;
  target.service = *parse_uuid("8d53dc1d-1db7-4cd3-868b-8a527460aa84");
  target.characteristic = *parse_uuid("da2e7828-fbce-4e01-ae9e-261174997c48");
  return target;
}

std::string wire(const Uuid& uuid) {
  return {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()};
}

class Gatt : public testing::Test {
 protected:
  Gatt() {
    device.service_uuid = wire(target().service);
    device.characteristic_uuid = wire(target().characteristic);
  }
  // Until nobody says anything more.
  void run() {
    for (int i = 0; i < 300; ++i) {
      const auto packet = client.next_output();
      if (!packet) return;
      EXPECT_LE(packet->size(), client.mtu());
      sent.push_back(*packet);
      if (const auto answer = device.answer(*packet)) client.received(as_bytes(*answer));
    }
    FAIL() << "it never ends";
  }
  void say(const std::string& packet) { client.received(as_bytes(packet)); }

  test::GattDevice device;
  std::vector<std::string> values;
  GattClient client{target(), [this](Bytes value) { values.emplace_back(as_text(value)); }};
  std::vector<std::string> sent;
};

TEST_F(Gatt, FindsTheCharacteristicAndSubscribes) {
  run();
  EXPECT_TRUE(client.ready()) << client.failure();
  EXPECT_TRUE(device.subscribed);
  EXPECT_EQ(client.mtu(), 247);
}

TEST_F(Gatt, FindsItAmongOthersWithFurtherDescriptors) {
  device.others_before = 0;
  device.another_behind = true;
  device.long_descriptors = true;
  device.first = 0xFF00;
  run();
  EXPECT_TRUE(client.ready()) << client.failure();
  EXPECT_TRUE(device.subscribed);
}

TEST_F(Gatt, FindsItAtTheLastHandles) {
  device.others_before = 0;
  device.first = 0xFFFC;  // service, declaration, value, configuration
  run();
  EXPECT_TRUE(client.ready()) << client.failure();
}

TEST_F(Gatt, SplitsWhatIsWrittenAndHandsOnWhatIsNotified) {
  run();
  client.write(std::string(244, 'a') + std::string(244, 'b') + "c");
  run();
  EXPECT_THAT(device.written, ElementsAre(std::string(244, 'a'), std::string(244, 'b'), "c"));
  say(device.notify("one"));
  say(device.notify(""));
  EXPECT_THAT(values, ElementsAre("one", ""));
}

TEST_F(Gatt, StaysAtTheLeastMtuWithADeviceThatKnowsNoOther) {
  device.mtu = 0;
  run();
  ASSERT_TRUE(client.ready()) << client.failure();
  client.write(std::string(21, 'x'));
  run();
  EXPECT_THAT(device.written, ElementsAre(std::string(20, 'x'), "x"));
}

TEST_F(Gatt, TakesNoMtuBelowTheLeastAndNoneAboveItsOwn) {
  device.mtu = 5;
  run();
  EXPECT_EQ(client.mtu(), att::least_mtu);
  GattTarget small = target();
  small.mtu = 100;
  GattClient other(small, {});
  other.next_output();
  other.received(as_bytes("\x03\xff\x7f"));
  EXPECT_EQ(other.mtu(), 100);
}

TEST_F(Gatt, SaysWhatIsMissing) {
  device.service_uuid = "??";
  run();
  EXPECT_THAT(client.failure(), HasSubstr("no service 8d53dc1d"));
}

TEST_F(Gatt, SaysThatTheCharacteristicIsMissing) {
  device.characteristic_uuid = std::string(16, '?');
  run();
  EXPECT_THAT(client.failure(), HasSubstr("no characteristic da2e7828"));
}

TEST_F(Gatt, RefusesACharacteristicThatCannotNotify) {
  device.properties = 0x04;
  run();
  EXPECT_THAT(client.failure(), HasSubstr("does not notify"));
}

TEST_F(Gatt, TellsThatPairingIsWanted) {
  device.subscribe_error = att::error::encryption;
  run();
  EXPECT_TRUE(client.failed());
  EXPECT_TRUE(client.wants_security());
  EXPECT_THAT(client.failure(), HasSubstr("encrypted"));
}

TEST_F(Gatt, AnswersTheOtherEndsOwnRequests) {
  run();
  say(std::string("\x02\x40\x00", 3));
  say(std::string("\x10\x01\x00\xff\xff\x00\x28", 7));
  sent.clear();
  run();
  EXPECT_THAT(sent,
              ElementsAre(std::string("\x03\x05\x02", 3), std::string("\x01\x10\x00\x00\x06", 5)));
  EXPECT_TRUE(client.ready());
}

TEST_F(Gatt, ConfirmsIndications) {
  run();
  std::string packet = device.notify("x");
  packet[0] = 0x1D;
  say(packet);
  EXPECT_THAT(values, ElementsAre("x"));
  EXPECT_EQ(client.next_output(), "\x1e");
}

TEST_F(Gatt, AFloodOfRequestsFillsNothing) {
  run();
  for (int i = 0; i < 10000; ++i) say(std::string("\x02\x40\x00", 3));
  int answers = 0;
  while (client.next_output()) ++answers;
  EXPECT_LE(answers, 16);
}

TEST_F(Gatt, LeavesOutWhatWasNotAskedAndOtherHandles) {
  say("\x13");
  say(std::string("\x01\x12\x00\x00\x05", 5));
  say("\x07\x01");
  say("");
  run();
  EXPECT_TRUE(client.ready());
  say(std::string("\x1b\x01\x00zz", 5));
  say(std::string(600, '\x1b'));
  EXPECT_TRUE(values.empty());
}

TEST_F(Gatt, ADeviceThatLeadsOnForEverIsGivenUp) {
  // Each answer names a descriptor of another kind one handle further, in a service without an end.
  client.next_output();
  say(std::string("\x03\xf7\x00", 3));
  client.next_output();
  say(std::string("\x07\x01\x00\xff\xff", 5));
  unsigned handle = 1;
  while (client.next_output()) {
    const std::string at = {static_cast<char>(++handle & 0xFFU), static_cast<char>(handle >> 8U)};
    say(std::string("\x09\x07", 2) + at + '\x02' + at + std::string("\x00\x2a", 2));
    ASSERT_LT(handle, 1000U);
  }
  EXPECT_TRUE(client.failed());
}

TEST_F(Gatt, ALateListThatGoesBackIsRefused) {
  client.next_output();
  say(std::string("\x03\xf7\x00", 3));
  client.next_output();
  say(std::string("\x07\x10\x00\x20\x00", 5));
  client.next_output();
  say(std::string("\x09\x07\x05\x00\x02\x06\x00\x00\x2a", 9));  // below the service
  EXPECT_THAT(client.failure(), HasSubstr("cannot be"));
}

TEST(Att, RefusesWhatIsCutShort) {
  const std::vector<std::string> broken = {
      "",
      std::string("\x01\x02\x00", 3),
      std::string("\x03\x17", 2),
      std::string("\x07\x01\x00\x02", 4),
      std::string("\x07\x02\x00\x01\x00", 5),  // ends before it begins
      std::string("\x07\x00\x00\x01\x00", 5),  // no such handle
      std::string("\x09\x01\x01", 3),
      std::string("\x09\x07\x01\x00\x02", 5),
      std::string("\x05\x03\x01\x00\x02\x29", 6),
      std::string("\x05\x01\x01\x00\x02", 5),
      std::string("\x1b\x01", 2),
      std::string("\x13\x00", 2)};
  for (const std::string& packet : broken) EXPECT_FALSE(att::parse(as_bytes(packet))) << packet;
}

TEST(Uuids, AreReadAndShown) {
  const std::string text = "8d53dc1d-1db7-4cd3-868b-8a527460aa84";
  EXPECT_EQ(to_string(*parse_uuid(text)), text);
  EXPECT_EQ(parse_uuid("8D53DC1D-1DB7-4CD3-868B-8A527460AA84"), parse_uuid(text));
  EXPECT_EQ(to_string(*parse_uuid("180f")), "0000180f-0000-1000-8000-00805f9b34fb");
  EXPECT_EQ(parse_uuid("180F")->assigned(), 0x180F);
  EXPECT_FALSE(parse_uuid(text)->assigned());
  for (const char* wrong :
       {"", "180", "18g0", "8d53dc1d-1db7-4cd3-868b-8a527460aa8",
        "8d53dc1d+1db7-4cd3-868b-8a527460aa84", "8d53dc1d-1db7-4cd3-868b-8a527460aa8z"}) {
    EXPECT_FALSE(parse_uuid(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace ferry::ble
