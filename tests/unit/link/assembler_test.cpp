// Reassembly of messages from packets: pure, every way the other end may break the framing.
#include <gtest/gtest.h>

#include "base/link.hpp"

namespace ferry::link {
namespace {

std::string packet(std::uint32_t number, std::size_t length, std::string_view payload) {
  const Header header = header_of(number, static_cast<std::uint32_t>(length));
  return std::string(as_text(header)).append(payload);
}

std::optional<std::string> take(Assembler& assembler, const std::string& bytes) {
  auto message = assembler.take(as_bytes(bytes));
  EXPECT_TRUE(message) << message.error().message;
  return message ? *message : std::nullopt;
}

ErrorCode refused(Assembler& assembler, const std::string& bytes) {
  auto message = assembler.take(as_bytes(bytes));
  EXPECT_FALSE(message);
  return message ? ErrorCode::exists : message.error().code;
}

TEST(Assembler, OnePacketIsAMessage) {
  Assembler assembler(100);
  EXPECT_EQ(take(assembler, packet(1, 5, "hello")), "hello");
}

TEST(Assembler, PacketsOfOneMessageAreJoined) {
  Assembler assembler(100);
  EXPECT_EQ(take(assembler, packet(7, 9, "abc")), std::nullopt);
  EXPECT_EQ(take(assembler, packet(7, 9, "def")), std::nullopt);
  EXPECT_EQ(take(assembler, packet(7, 9, "ghi")), "abcdefghi");
  EXPECT_EQ(take(assembler, packet(8, 1, "j")), "j");
}

TEST(Assembler, AWholeMessageMayStandBetweenThePacketsOfAnother) {
  Assembler assembler(100);
  EXPECT_EQ(take(assembler, packet(1, 6, "abc")), std::nullopt);
  EXPECT_EQ(take(assembler, packet(0, 3, "bus")), "bus");
  EXPECT_EQ(take(assembler, packet(1, 6, "def")), "abcdef");
}

TEST(Assembler, TwoLongMessagesMixedAreRefused) {
  Assembler assembler(100);
  EXPECT_EQ(take(assembler, packet(1, 6, "abc")), std::nullopt);
  EXPECT_EQ(refused(assembler, packet(2, 6, "abc")), ErrorCode::invalid);
}

TEST(Assembler, AMessageBeyondTheLimitIsRefusedByItsFirstPacket) {
  Assembler assembler(100);
  EXPECT_EQ(take(assembler, packet(1, 100, "a")), std::nullopt);
  Assembler other(100);
  EXPECT_EQ(refused(other, packet(1, 101, "a")), ErrorCode::too_large);
}

TEST(Assembler, APacketBeyondItsMessageIsRefused) {
  Assembler first(100);
  EXPECT_EQ(refused(first, packet(1, 3, "abcd")), ErrorCode::invalid);
  Assembler second(100);
  EXPECT_EQ(take(second, packet(1, 6, "abcd")), std::nullopt);
  EXPECT_EQ(refused(second, packet(1, 6, "efg")), ErrorCode::invalid);
}

TEST(Assembler, AMessageThatChangesItsLengthIsRefused) {
  Assembler assembler(100);
  EXPECT_EQ(take(assembler, packet(1, 6, "abc")), std::nullopt);
  EXPECT_EQ(refused(assembler, packet(1, 7, "def")), ErrorCode::invalid);
}

TEST(Assembler, APacketWithoutContentIsRefused) {
  for (const std::size_t size : {0U, 1U, 7U, 8U}) {
    Assembler assembler(100);
    EXPECT_EQ(refused(assembler, packet(1, 0, "").substr(0, size)), ErrorCode::invalid) << size;
  }
}

}  // namespace
}  // namespace ferry::link
