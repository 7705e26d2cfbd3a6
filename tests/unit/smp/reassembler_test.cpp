#include "transports/smp/reassembler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ferry::smp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string packet(std::size_t body) {
  Header header;
  header.sequence = static_cast<std::uint8_t>(body);
  return encode(header, std::string(body, 'b'));
}

class Pieces : public testing::Test {
 protected:
  void feed(std::string_view piece) { reassembler.feed(as_bytes(piece)); }

  std::vector<std::string> got;
  Reassembler reassembler{[this](Bytes whole) { got.emplace_back(as_text(whole)); }, 1000};
};

TEST_F(Pieces, OfAnySizeMakeTheSamePackets) {
  const std::string all = packet(0) + packet(1) + packet(900) + packet(30);
  for (const std::size_t size : {1U, 2U, 7U, 8U, 9U, 20U, 244U, 2000U}) {
    got.clear();
    for (std::size_t at = 0; at < all.size(); at += size)
      feed(std::string_view(all).substr(at, size));
    EXPECT_THAT(got, ElementsAre(packet(0), packet(1), packet(900), packet(30))) << size;
    EXPECT_TRUE(reassembler.between_packets());
  }
}

TEST_F(Pieces, APacketThatIsTooLongIsNone) {
  feed(packet(993));
  EXPECT_THAT(got, IsEmpty());
  EXPECT_TRUE(reassembler.between_packets());
  feed(packet(992));
  EXPECT_THAT(got, ElementsAre(packet(992)));
}

TEST_F(Pieces, AnEmptyPieceIsNothing) {
  feed("");
  feed(packet(5).substr(0, 3));
  feed("");
  feed(packet(5).substr(3));
  EXPECT_THAT(got, ElementsAre(packet(5)));
}

TEST_F(Pieces, WhatIsForgottenDoesNotComeBack) {
  feed(packet(50).substr(0, 30));
  EXPECT_FALSE(reassembler.between_packets());
  reassembler.reset();
  feed(packet(3));
  EXPECT_THAT(got, ElementsAre(packet(3)));
}

}  // namespace
}  // namespace ferry::smp
