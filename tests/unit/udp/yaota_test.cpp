// The container of yaota8266 and its sender, in a time of the test's own.
#include "transports/udp/yaota.hpp"

#include <gtest/gtest.h>

#include <random>

namespace ferry::udp {
namespace {

using Milliseconds = YaotaSender::Milliseconds;
using TimePoint = YaotaSender::TimePoint;

std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFFU);
  return text;
}

std::string packet(std::uint32_t sequence, std::uint64_t offset, const std::string& data) {
  std::string body = little(0, 2) + little(data.size(), 2) + little(offset, 4) + data;
  body.resize((body.size() + 15) / 16 * 16);
  return little(sequence, 4) + body + std::string(64, 's');
}

// With the checksum that belongs to it.
std::string seal(const std::string& content) {
  Digester digest(Algorithm::sha1);
  digest.update(as_bytes(content));
  std::string raw;
  const std::string hex = digest.hex();
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    raw += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return content + little(0, 2) + raw;
}

std::string container(const std::string& image, std::size_t block = 256) {
  std::string content("yaota8266\x01", 10);
  std::uint32_t sequence = 0;
  const auto add = [&](std::uint64_t offset, const std::string& data) {
    const std::string one = packet(++sequence, offset, data);
    content += little(one.size(), 2) + one;
  };
  for (std::size_t at = 0; at < image.size(); at += block) add(at, image.substr(at, block));
  for (int i = 0; i < 3; ++i) add(0, "");
  return seal(content);
}

Result<formats::YaotaContainer> inspect(const std::string& content) {
  const formats::ReadContent read = [&](std::uint64_t offset, std::span<std::byte> out) -> Status {
    const Bytes from = as_bytes(content).subspan(static_cast<std::size_t>(offset), out.size());
    std::copy(from.begin(), from.end(), out.begin());
    return {};
  };
  return formats::inspect_yaota(read, content.size());
}

std::string why(const std::string& content) {
  const auto found = inspect(content);
  return found ? "fine" : found.error().message;
}

TEST(YaotaContainer, IsReadWhole) {
  const auto found = inspect(container(std::string(5000, 'i')));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->image_size, 5000U);
  EXPECT_EQ(found->packets, 20U);
  EXPECT_EQ(found->ends, 3U);
}

TEST(YaotaContainer, CutAnywhereItIsRefused) {
  const std::string whole = container(std::string(600, 'i'));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(inspect(whole.substr(0, size))) << size;
  }
  EXPECT_NE(why(whole + "x").find("something follows"), std::string::npos);
}

TEST(YaotaContainer, EveryFlippedByteIsFound) {
  const std::string whole = container(std::string(600, 'i'));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0x10);
    EXPECT_FALSE(inspect(broken)) << at;
  }
  std::string broken = whole;
  broken[300] ^= 1;
  EXPECT_EQ(inspect(broken).error().code, ErrorCode::corrupt);
}

TEST(YaotaContainer, WhatADeviceWouldNotTakeIsNamed) {
  const std::string magic("yaota8266\x01", 10);
  const auto with = [&](std::initializer_list<std::string> packets) {
    std::string content = magic;
    for (const auto& one : packets) content += little(one.size(), 2) + one;
    return why(seal(content));
  };
  const std::string block(256, 'i');
  EXPECT_NE(with({}).find("no image"), std::string::npos);
  EXPECT_NE(with({packet(1, 0, block)}).find("no packet ends"), std::string::npos);
  EXPECT_NE(with({packet(1, 0, "")}).find("ends before"), std::string::npos);
  EXPECT_NE(with({packet(1, 256, block)}).find("a gap"), std::string::npos);
  EXPECT_NE(with({packet(1, 0, std::string(300, 'i'))}).find("sectors"), std::string::npos);
  EXPECT_NE(with({packet(1, 0, block), packet(2, 0, ""), packet(3, 256, block)}).find("behind"),
            std::string::npos);
  EXPECT_NE(with({packet(1, 0, block), packet(2, 256, "i"), packet(3, 257, "i")}).find("sectors"),
            std::string::npos);
  EXPECT_NE(with({std::string("too short")}).find("without a header"), std::string::npos);
}

class YaotaSending : public testing::Test {
 protected:
  YaotaSender sender() {
    YaotaFile file;
    file.size = content.size();
    file.read = [this](std::uint64_t offset, std::span<std::byte> out) {
      const Bytes from = as_bytes(content).subspan(static_cast<std::size_t>(offset), out.size());
      std::copy(from.begin(), from.end(), out.begin());
      return readable;
    };
    return YaotaSender(std::move(file), Milliseconds(300), now);
  }
  // A device that takes packets in order and acknowledges them; `lose` of both directions.
  void run(YaotaSender& sender, double lose) {
    std::mt19937 random(5);
    const auto lost = [&] { return std::uniform_real_distribution<>(0, 1)(random) < lose; };
    while (!sender.ended()) {
      if (const auto out = sender.next_output(now)) {
        const auto head = formats::parse_yaota_head(as_bytes(*out)).value();
        if (lost()) continue;
        if (head.length == 0) {
          ++ends;
          continue;
        }
        if (head.offset == image.size()) image += out->substr(12, head.length);
        if (head.offset + head.length > image.size() || lost()) continue;
        now += Milliseconds(8);
        sender.received(as_bytes(out->substr(0, 20)), now);
        continue;
      }
      now = std::max(now, sender.deadline().value());
      sender.on_time(now);
    }
  }

  TimePoint now{};
  std::string content = container(std::string(20000, 'i'));
  std::string image;
  int ends = 0;
  bool readable = true;
};

TEST_F(YaotaSending, EachPacketGoesOnceWhereNothingIsLost) {
  YaotaSender sending = sender();
  run(sending, 0);
  EXPECT_EQ(sending.ended(), YaotaEnd::done);
  EXPECT_EQ(sending.counts().repeated, 0U);
  EXPECT_EQ(image, std::string(20000, 'i'));
  EXPECT_EQ(ends, 3);
  EXPECT_EQ(sending.acknowledged(), content.size());
}

TEST_F(YaotaSending, LossesAreMadeUpFor) {
  YaotaSender sending = sender();
  run(sending, 0.2);
  EXPECT_EQ(sending.ended(), YaotaEnd::done);
  EXPECT_EQ(image, std::string(20000, 'i'));
  EXPECT_LE(sending.counts().packets, 1.8 * 82);
}

TEST_F(YaotaSending, NobodyThereAndSilenceAreToldApart) {
  YaotaSender nobody = sender();
  run(nobody, 1);
  EXPECT_EQ(nobody.ended(), YaotaEnd::no_device);
  YaotaSender silent = sender();
  const auto first = silent.next_output(now);
  silent.received(as_bytes(*first), now);
  run(silent, 1);
  EXPECT_EQ(silent.ended(), YaotaEnd::no_answer);
}

TEST_F(YaotaSending, OnlyItsOwnAcknowledgementCounts) {
  YaotaSender sending = sender();
  std::string answer = sending.next_output(now)->substr(0, 20);
  for (const std::size_t at : {0, 6, 8}) {
    std::string other = answer;
    other[at] ^= 1;
    sending.received(as_bytes(other), now);
  }
  sending.received(as_bytes(answer.substr(0, 11)), now);
  EXPECT_EQ(sending.acknowledged(), 0U);
  sending.received(as_bytes(answer), now);
  EXPECT_GT(sending.acknowledged(), 0U);
}

TEST_F(YaotaSending, WhatCannotBeReadEndsIt) {
  YaotaSender sending = sender();
  const auto first = sending.next_output(now);
  readable = false;
  sending.received(as_bytes(*first), now);
  EXPECT_EQ(sending.ended(), YaotaEnd::unreadable);
}

}  // namespace
}  // namespace ferry::udp
