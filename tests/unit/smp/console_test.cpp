#include "transports/smp/console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/base64.hpp"

namespace ferry::smp {
namespace {

class ConsoleTest : public testing::Test {
 protected:
  void feed(std::string_view received) { decoder.feed(as_bytes(received)); }
  ConsoleDecoder::PacketOutlet keep_packet = [this](Bytes packet) {
    packets.emplace_back(as_text(packet));
  };
  ConsoleDecoder::TextOutlet keep_text = [this](std::string_view line) { text.emplace_back(line); };

  std::vector<std::string> packets;
  std::vector<std::string> text;
  ConsoleDecoder decoder{{}, keep_packet, keep_text};
};

std::string noise(std::size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string out(size, '\0');
  for (char& byte : out) byte = static_cast<char>(random());
  return out;
}

TEST_F(ConsoleTest, ChecksumIsTheOneOfXmodem) {
  EXPECT_EQ(crc16(as_bytes("123456789")), 0x31C3);
  EXPECT_EQ(crc16({}), 0);
}

// The bytes of an echo request as a tool sends them.
TEST_F(ConsoleTest, WritesWhatToolsWrite) {
  const std::string packet("\x02\x00\x00\x05\x00\x00\x01\x00\xA1\x61\x64\x61\x68", 13);
  std::string raw("\x00\x0F", 2);
  raw += packet;
  const std::uint16_t crc = crc16(as_bytes(packet));
  raw += static_cast<char>(crc >> 8U);
  raw += static_cast<char>(crc & 0xFFU);
  EXPECT_EQ(encode_console(as_bytes(packet)), "\x06\x09" + to_base64(as_bytes(raw)) + "\n");
}

TEST_F(ConsoleTest, EverySizeComesBackInLinesThatFit) {
  for (std::size_t size = 0; size <= 600; ++size) {
    const std::string packet = noise(size, static_cast<unsigned>(size) + 1);
    const std::string encoded = encode_console(as_bytes(packet));
    EXPECT_EQ(encoded.size(), console_encoded_size(size));
    std::size_t lines = 0;
    for (std::size_t at = 0; at < encoded.size(); ++lines) {
      const std::size_t end = encoded.find('\n', at);
      ASSERT_NE(end, std::string::npos);
      EXPECT_LE(end + 1 - at, console_line_limit);
      EXPECT_EQ(encoded.substr(at, 2), at == 0 ? "\x06\x09" : "\x04\x14");
      at = end + 1;
    }
    EXPECT_EQ(lines, console_lines(size));
    feed(encoded);
    ASSERT_EQ(packets.size(), 1U) << size;
    EXPECT_EQ(packets[0], packet);
    packets.clear();
  }
  EXPECT_EQ(decoder.damaged(), 0U);
}

TEST_F(ConsoleTest, PacketsFillTheirLastLine) {
  EXPECT_EQ(fit_console(380), 4 * 93 - 4U);
  EXPECT_EQ(fit_console(368), 368U);
  EXPECT_EQ(fit_console(367), 367U);
  EXPECT_EQ(fit_console(88), 88U);
  for (std::size_t limit = 1; limit < 3000; ++limit) {
    EXPECT_LE(fit_console(limit), limit);
    EXPECT_GT(fit_console(limit), limit < 89 ? limit - 1 : limit / 2);
  }
}

TEST_F(ConsoleTest, TextOnTheLineIsToldApart) {
  const std::string one = noise(200, 1);
  const std::string encoded = encode_console(as_bytes(one));
  const std::size_t cut = encoded.find('\n') + 1;
  feed("*** Booting\r\n\r\n");
  feed(encoded.substr(0, cut));
  feed("[00:01] <inf> between\r\n");
  feed(encoded.substr(cut));
  feed("uart:~$ ");
  feed(encoded);
  EXPECT_THAT(packets.size(), 2U);
  EXPECT_EQ(packets[0], one);
  EXPECT_EQ(packets[1], one);
  EXPECT_EQ(text, (std::vector<std::string>{"*** Booting", "[00:01] <inf> between", "uart:~$ "}));
}

TEST_F(ConsoleTest, ByteByByteIsTheSame) {
  const std::string packet = noise(300);
  for (const char byte : encode_console(as_bytes(packet))) feed({&byte, 1});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0], packet);
}

TEST_F(ConsoleTest, ALostLineCostsOnePacketOnly) {
  const std::string one = noise(300, 1);
  const std::string two = noise(300, 2);
  std::string encoded = encode_console(as_bytes(one));
  const std::size_t cut = encoded.find('\n') + 1;
  encoded.erase(cut, encoded.find('\n', cut) + 1 - cut);
  feed(encoded);
  feed(encode_console(as_bytes(two)));
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0], two);
  EXPECT_EQ(decoder.damaged(), 1U);
}

TEST_F(ConsoleTest, ALostLineEndCostsOnePacketOnly) {
  const std::string one = noise(50, 1);
  std::string encoded = encode_console(as_bytes(one));
  encoded.pop_back();
  feed(encoded);
  feed(encode_console(as_bytes(one)));
  EXPECT_EQ(packets.size(), 1U);
}

TEST_F(ConsoleTest, NothingDamagedIsHandedOn) {
  const std::string packet = noise(80);
  const std::string encoded = encode_console(as_bytes(packet));
  for (std::size_t at = 0; at < encoded.size(); ++at) {
    for (const int flip : {1, 2, 16, 128}) {
      std::string spoilt = encoded;
      spoilt[at] = static_cast<char>(spoilt[at] ^ flip);
      packets.clear();
      feed(spoilt);
      feed("\n");
      EXPECT_TRUE(packets.empty() || packets[0] == packet) << at << " " << flip;
      packets.clear();
      feed(encoded);
      ASSERT_EQ(packets.size(), 1U) << at << " " << flip;
      EXPECT_EQ(packets[0], packet);
    }
  }
}

TEST_F(ConsoleTest, LinesAndPacketsWithoutEndAreDropped) {
  ConsoleOptions options;
  options.packet_limit = 200;
  options.text_limit = 20;
  decoder = ConsoleDecoder(options, keep_packet, keep_text);
  feed("\x06\x09" + std::string(100000, 'A') + "\n");
  feed(std::string(100000, 'x') + "\n");
  feed(encode_console(as_bytes(noise(201))));
  EXPECT_TRUE(packets.empty());
  ASSERT_FALSE(text.empty());
  for (const std::string& line : text) EXPECT_LE(line.size(), 20U);
  feed(encode_console(as_bytes(noise(200))));
  EXPECT_EQ(packets.size(), 1U);
}

TEST_F(ConsoleTest, ALineIsGivenUpAsSoonAsItIsTooLong) {
  feed("\x06\x09" + std::string(124, 'A'));
  EXPECT_EQ(decoder.damaged(), 0U);
  feed("A");
  EXPECT_EQ(decoder.damaged(), 1U);
}

TEST_F(ConsoleTest, ContinuationsWithoutAStartAreSkipped) {
  feed("\x04\x14" + to_base64(as_bytes(noise(93))) + "\n");
  EXPECT_TRUE(packets.empty());
  EXPECT_TRUE(text.empty());
}

TEST_F(ConsoleTest, RawPacketsAreFoundByTheirHeader) {
  ConsoleOptions options;
  options.raw = true;
  decoder = ConsoleDecoder(options, keep_packet, keep_text);
  const std::string packet = encode({Op::read_answer, 1, 8, 5, 0}, "\xA1\x61\x61\x01");
  feed("garbage " + packet + packet.substr(0, 9));
  ASSERT_EQ(packets.size(), 1U);
  feed(packet.substr(9));
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0], packet);
  EXPECT_EQ(packets[1], packet);
}

}  // namespace
}  // namespace ferry::smp
