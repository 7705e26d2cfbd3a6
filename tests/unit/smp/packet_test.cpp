#include "transports/smp/packet.hpp"

#include <gtest/gtest.h>

#include "transports/smp/codes.hpp"

namespace ferry::smp {
namespace {

TEST(SmpPacket, HeaderStandsAsSpecified) {
  const std::string packet = encode({Op::write, 1, 0x1234, 0x56, 0x78}, "\xA0");
  EXPECT_EQ(packet, std::string("\x0A\x00\x00\x01\x12\x34\x56\x78\xA0", 9));
  const Result<Packet> decoded = decode(as_bytes(packet));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->header, (Header{Op::write, 1, 0x1234, 0x56, 0x78}));
  EXPECT_TRUE(decoded->body.is_object());
}

TEST(SmpPacket, LengthMustFitExactly) {
  const std::string packet = encode({}, "\xA0");
  EXPECT_FALSE(decode(as_bytes(packet + "x")));
  EXPECT_FALSE(decode(as_bytes(packet.substr(0, 8))));
  for (std::size_t size = 0; size < 8; ++size) EXPECT_FALSE(peek(as_bytes(packet.substr(0, size))));
}

TEST(SmpPacket, ReservedOperationsAreNone) {
  std::string packet = encode({}, "\xA0");
  packet[0] = 4;
  EXPECT_FALSE(peek(as_bytes(packet)));
  packet[0] = '\xE1';  // reserved bits are another version's matter
  EXPECT_TRUE(peek(as_bytes(packet)));
}

TEST(SmpPacket, OnlyAMapIsABody) {
  EXPECT_FALSE(decode(as_bytes(encode({}, "\x80"))));
  EXPECT_FALSE(decode(as_bytes(encode({}, "\xFF"))));
  EXPECT_TRUE(decode(as_bytes(encode({}, ""))));
  EXPECT_TRUE(decode(as_bytes(encode({}, "\xBF\xFF"))));
}

TEST(SmpPacket, ErrorsOfBothVersionsAreRead) {
  EXPECT_EQ(error_in(Json::object()), std::nullopt);
  EXPECT_EQ(error_in({{"rc", 0U}}), std::nullopt);
  EXPECT_EQ(error_in({{"rc", 3U}}), (DeviceError{std::nullopt, 3}));
  EXPECT_EQ(error_in({{"rc", -5}}), (DeviceError{std::nullopt, 1}));
  EXPECT_EQ(error_in({{"err", {{"group", 1U}, {"rc", 27U}}}}), (DeviceError{1, 27}));
  EXPECT_EQ(error_in({{"err", {{"group", 1U}, {"rc", 0U}}}}), std::nullopt);
  EXPECT_EQ(error_in({{"err", "what"}, {"rc", 2U}}), (DeviceError{std::nullopt, 2}));
}

TEST(SmpPacket, ErrorsHaveWords) {
  EXPECT_EQ(words({std::nullopt, 2}), "no memory");
  EXPECT_EQ(words({std::nullopt, 10}), "busy");
  EXPECT_EQ(words({1, 27}), "running version is not older");
  EXPECT_EQ(words({8, 3}), "file not found");
  EXPECT_EQ(words({std::nullopt, 77}), "error 77");
  EXPECT_EQ(words({9, 77}), "error 77 of group 9");
}

TEST(SmpPacket, OnlyBusyNoMemoryAndTimeoutPass) {
  for (std::uint64_t code = 0; code < 20; ++code) {
    EXPECT_EQ(is_transient({std::nullopt, code}), code == 2 || code == 4 || code == 10) << code;
  }
  EXPECT_TRUE(is_transient({1, 15}));
  EXPECT_FALSE(is_transient({1, 10}));
}

}  // namespace
}  // namespace ferry::smp
