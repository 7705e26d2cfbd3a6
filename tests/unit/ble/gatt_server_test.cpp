#include "transports/ble/gatt_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transports/ble/gatt_client.hpp"

namespace ferry::ble {
namespace {

using testing::ElementsAre;

// Packets as they stand on the wire, in hexadecimal digits with blanks.
std::string wire(std::string_view text) {
  std::string out;
  std::string digits;
  for (const char c : text) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    out += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return out;
}

std::string least_first(const Uuid& uuid) {
  return {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()};
}

class Server : public testing::Test {
 protected:
  // The answer to a request; "" when there is none.
  std::string answer(const std::string& packet) {
    server.received(as_bytes(packet));
    const auto out = server.next_output();
    EXPECT_FALSE(server.has_output()) << "one answer to each request";
    return out.value_or("");
  }
  void subscribe() { ASSERT_EQ(answer(wire("12 0a00 0100")), wire("13")); }

  std::vector<std::string> written;
  GattServer server{"van-7", 0x0081, [this](Bytes value) { written.emplace_back(as_text(value)); }};
};

TEST_F(Server, NamesItsServicesWithTheEndsOfTheirGroups) {
  EXPECT_EQ(answer(wire("10 0100 ffff 0028")), wire("11 06 0100 0500 0018 0600 0600 0118"));
  EXPECT_EQ(answer(wire("02 0002")), wire("03 0502"));
  EXPECT_EQ(answer(wire("10 0700 ffff 0028")),
            wire("11 14 0700 0c00") + least_first(ferry_service()));
  EXPECT_EQ(answer(wire("10 0d00 ffff 0028")), wire("01 10 0d00 0a")) << "there is nothing more";
}

TEST_F(Server, FindsItsServiceByItsName) {
  EXPECT_EQ(answer(wire("06 0100 ffff 0028") + least_first(ferry_service())), wire("07 0700 0c00"));
  EXPECT_EQ(answer(wire("06 0100 ffff 0028 0a18")), wire("01 06 0100 0a"));
}

TEST_F(Server, TellsItsCharacteristics) {
  answer(wire("02 0002"));
  EXPECT_EQ(answer(wire("08 0700 ffff 0328")),
            wire("09 15 0800 14 0900") + least_first(ferry_packets()) + wire("0b00 02 0c00") +
                least_first(ferry_channel()));
  EXPECT_EQ(answer(wire("04 0a00 0a00")), wire("05 01 0a00 0229"));
  EXPECT_EQ(answer(wire("04 0900 0900")), wire("05 02 0900") + least_first(ferry_packets()));
}

TEST_F(Server, AnAnswerStaysWithinTheMtu) {
  for (const char* request : {"08 0100 ffff 0328", "04 0100 ffff", "10 0100 ffff 0028"}) {
    EXPECT_LE(answer(wire(request)).size(), att::least_mtu);
  }
}

TEST_F(Server, IsReadWholeAndInPieces) {
  EXPECT_EQ(answer(wire("0a 0300")), wire("0b") + "van-7");
  EXPECT_EQ(answer(wire("0c 0300 0400")), wire("0d") + "7");
  EXPECT_EQ(answer(wire("0c 0300 0500")), wire("0d"));
  EXPECT_EQ(answer(wire("0c 0300 0600")), wire("01 0c 0300 07"));
  EXPECT_EQ(answer(wire("0a 0c00")), wire("0b 8100")) << "the channel's number";
  EXPECT_EQ(answer(wire("0a 0900")), wire("01 0a 0900 02")) << "packets are not read";
  EXPECT_EQ(answer(wire("0a 0d00")), wire("01 0a 0d00 01"));
  EXPECT_EQ(answer(wire("0a 0000")), wire("01 0a 0000 01"));
}

TEST_F(Server, PacketsGoBothWaysOnceSubscribed) {
  server.notify("for nobody");
  EXPECT_FALSE(server.has_output());
  subscribe();
  EXPECT_TRUE(server.subscribed());
  EXPECT_EQ(answer(wire("0a 0a00")), wire("0b 0100"));
  EXPECT_EQ(answer(wire("52 0900") + "hello"), "");
  EXPECT_THAT(written, ElementsAre("hello"));
  server.notify("an answer of twenty-nine bytes");
  EXPECT_EQ(server.next_output(), wire("1b 0900") + "an answer of twenty-");
  EXPECT_EQ(server.next_output(), wire("1b 0900") + "nine bytes");
  EXPECT_EQ(answer(wire("12 0a00 0000")), wire("13"));
  EXPECT_FALSE(server.subscribed());
}

TEST_F(Server, ADeviceMaySubscribeByACommand) {
  EXPECT_EQ(answer(wire("52 0a00 0100")), "");
  EXPECT_TRUE(server.subscribed());
  EXPECT_EQ(answer(wire("52 0a00 00")), "") << "too short: nothing happens";
  EXPECT_TRUE(server.subscribed());
}

TEST_F(Server, WhatMayNotBeWrittenIsRefused) {
  EXPECT_EQ(answer(wire("12 0300") + "mine"), wire("01 12 0300 03"));
  EXPECT_EQ(answer(wire("12 0900") + "by request"), wire("01 12 0900 03"));
  EXPECT_EQ(answer(wire("12 0a00 01")), wire("01 12 0a00 0d"));
  EXPECT_EQ(answer(wire("12 ff00 01")), wire("01 12 ff00 01"));
  EXPECT_EQ(answer(wire("52 0300") + "mine"), "");
  EXPECT_EQ(answer(wire("0a 0300")), wire("0b") + "van-7");
  EXPECT_THAT(written, ElementsAre());
}

TEST_F(Server, EveryRequestThatIsNoneHasAnErrorAndNoAnswerHasAny) {
  EXPECT_EQ(answer(wire("04 0100")), wire("01 04 0000 04")) << "cut short";
  EXPECT_EQ(answer(wire("04 0200 0100")), wire("01 04 0000 01")) << "a range that runs backwards";
  EXPECT_EQ(answer(wire("08 0000 ffff 0328")), wire("01 08 0000 01"));
  EXPECT_EQ(answer(wire("08 0100 ffff 032800")), wire("01 08 0000 04")) << "a type of three bytes";
  EXPECT_EQ(answer(wire("10 0100 ffff 0328")), wire("01 10 0100 10")) << "no group";
  EXPECT_EQ(answer(wire("16 0900 0000 01")), wire("01 16 0000 06")) << "a prepared write";
  for (const char* silent : {"", "1e", "0b 00", "d2 0900 00", "52 09", "1b 0900 00"}) {
    EXPECT_EQ(answer(wire(silent)), "") << silent;
  }
}

TEST_F(Server, AnMtuThatIsTooSmallOrTooLargeIsKeptInBounds) {
  subscribe();
  answer(wire("02 0000"));
  server.notify(std::string(att::least_mtu, 'n'));
  EXPECT_EQ(server.next_output()->size(), att::least_mtu);
  server.next_output();
  answer(wire("02 ffff"));
  server.notify(std::string(600, 'n'));
  EXPECT_EQ(server.next_output()->size(), att::most_mtu);
}

// The client of this gateway, when another gateway is the device.
TEST_F(Server, AGattClientFindsItsWay) {
  GattTarget target;
  target.service = ferry_service();
  target.characteristic = ferry_packets();
  std::vector<std::string> notified;
  GattClient client(target, [&](Bytes value) { notified.emplace_back(as_text(value)); });
  const auto run = [&] {
    bool moved = true;
    while (std::exchange(moved, false)) {
      while (const auto packet = client.next_output()) {
        server.received(as_bytes(*packet));
        moved = true;
      }
      while (const auto packet = server.next_output()) {
        client.received(as_bytes(*packet));
        moved = true;
      }
    }
  };
  run();
  ASSERT_TRUE(client.ready()) << client.failure();
  EXPECT_EQ(client.mtu(), att::most_mtu);
  client.write("asked");
  run();
  EXPECT_THAT(written, ElementsAre("asked"));
  server.notify("answered");
  run();
  EXPECT_THAT(notified, ElementsAre("answered"));
}

}  // namespace
}  // namespace ferry::ble
