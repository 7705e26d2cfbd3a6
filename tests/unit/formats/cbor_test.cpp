#include "formats/cbor.hpp"

#include <gtest/gtest.h>

namespace ferry::formats {
namespace {

Result<Json> parse(std::string_view raw, CborLimits limits = {}) {
  return parse_cbor(as_bytes(raw), "test", limits);
}

std::string hex(std::string_view digits) {
  std::string raw;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    raw += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  }
  return raw;
}

TEST(Cbor, ReadsTheExamplesOfTheStandard) {
  EXPECT_EQ(parse(hex("00")).value(), 0);
  EXPECT_EQ(parse(hex("1818")).value(), 24);
  EXPECT_EQ(parse(hex("1bffffffffffffffff")).value(), 18446744073709551615U);
  EXPECT_EQ(parse(hex("3903e7")).value(), -1000);
  EXPECT_EQ(parse(hex("f5")).value(), true);
  EXPECT_EQ(parse(hex("f6")).value(), nullptr);
  EXPECT_EQ(parse(hex("fb3ff199999999999a")).value(), 1.1);
  EXPECT_EQ(parse(hex("6449455446")).value(), "IETF");
  EXPECT_EQ(parse(hex("4401020304")).value(), Json::binary({1, 2, 3, 4}));
  EXPECT_EQ(parse(hex("8301820203820405")).value(), Json::parse("[1,[2,3],[4,5]]"));
  EXPECT_EQ(parse(hex("a26161016162820203")).value(), Json::parse(R"({"a":1,"b":[2,3]})"));
}

TEST(Cbor, ReadsIndefiniteLengths) {
  EXPECT_EQ(parse(hex("9fff")).value(), Json::array());
  EXPECT_EQ(parse(hex("bf6346756ef563416d7421ff")).value(),
            Json::parse(R"({"Fun":true,"Amt":-2})"));
  EXPECT_EQ(parse(hex("9f018202039f0405ffff")).value(), Json::parse("[1,[2,3],[4,5]]"));
  EXPECT_EQ(parse(hex("7f657374726561646d696e67ff")).value(), "streaming");
  EXPECT_EQ(parse(hex("5f42010243030405ff")).value(), Json::binary({1, 2, 3, 4, 5}));
}

TEST(Cbor, EveryPrefixIsRefused) {
  const std::string whole = hex("bf63666f66a2616182010262616241ff6163f5617afb3ff199999999999aff");
  ASSERT_TRUE(parse(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse(whole.substr(0, size))) << size;
  }
  EXPECT_FALSE(parse(whole + '\0'));
}

TEST(Cbor, DeclaredSizesBeyondTheEndAreRefused) {
  for (const char* raw : {"5bffffffffffffffff", "7bffffffffffffffff61", "9bffffffffffffffff",
                          "bbffffffffffffffff", "bb7fffffffffffffff",
                          "9a00000003010203"
                          "00",
                          "a2616101", "5803", "bb8000000000000000"}) {
    const auto result = parse(hex(raw));
    ASSERT_FALSE(result) << raw;
    EXPECT_EQ(result.error().code, ErrorCode::invalid);
  }
}

TEST(Cbor, NestingIsBounded) {
  const std::string deep(60000, '\x81');
  EXPECT_EQ(parse(deep + '\0').error().code, ErrorCode::too_large);
  EXPECT_EQ(parse(std::string(60000, '\x9f')).error().code, ErrorCode::too_large);
  CborLimits limits;
  limits.depth = 3;
  EXPECT_TRUE(parse(hex("81818100"), limits));
  EXPECT_FALSE(parse(hex("8181818100"), limits));
}

TEST(Cbor, ItemsAndBytesAreBounded) {
  CborLimits limits;
  limits.items = 5;
  EXPECT_TRUE(parse(hex("8401020304"), limits));
  EXPECT_EQ(parse(hex("850102030405"), limits).error().code, ErrorCode::too_large);
  EXPECT_FALSE(parse(hex("5f4040404040ff"), limits));
  limits.bytes = 3;
  EXPECT_EQ(parse(hex("8401020304"), limits).error().code, ErrorCode::too_large);
}

TEST(Cbor, DuplicateKeysAreRefused) {
  EXPECT_FALSE(parse(hex("a2616101616102")));
  EXPECT_FALSE(parse(hex("bf616101616102ff")));
  EXPECT_FALSE(parse(hex("a1617aa2616101616102")));
  EXPECT_TRUE(parse(hex("82a1616101a1616102")));
  EXPECT_FALSE(parse(hex("a261610178016102")));  // the same key, written longer
}

TEST(Cbor, KeysMustBeTextOfOnePiece) {
  EXPECT_FALSE(parse(hex("a10102")));
  EXPECT_FALSE(parse(hex("a1416102")));
  EXPECT_FALSE(parse(hex("a17f6161ff02")));
  EXPECT_FALSE(parse(hex("bf6161ff")));
}

TEST(Cbor, TextMustBeUtf8) {
  EXPECT_TRUE(parse(hex("62c3bc")));
  for (const char* raw :
       {"61ff", "62c0af", "63eda080", "64f4908080", "62c328", "61c3", "7f61c361bcff", "a161ff01"}) {
    EXPECT_FALSE(parse(hex(raw))) << raw;
  }
}

TEST(Cbor, WhatHasNoPlaceInItIsRefused) {
  for (const char* raw : {"c074", "c11a514b67b0", "f7", "f0", "f818", "ff", "1c", "1f", "3f", "df",
                          "fc", "3bffffffffffffffff", "5f61", "5f6161ff", "7f4161ff", "5f5fff"}) {
    EXPECT_FALSE(parse(hex(raw))) << raw;
  }
  EXPECT_EQ(parse(hex("3b7fffffffffffffff")).value(), INT64_MIN);
}

TEST(Cbor, WritesShortestHeads) {
  CborWriter out;
  out.map(6).text("a").number(23).text("b").number(24).text("c").number(256);
  out.text("d").number(65536).text("e").number(0x100000000U).text("f").bytes(as_bytes("xy"));
  EXPECT_EQ(out.content(), hex("a6616117616218186163190100"
                               "61641a00010000"
                               "61651b0000000100000000"
                               "6166427879"));
  const Json back = parse(out.content()).value();
  EXPECT_EQ(back.at("e"), 0x100000000U);
  for (const std::uint64_t value :
       {0ULL, 23ULL, 24ULL, 255ULL, 256ULL, 65535ULL, 65536ULL, 0xFFFFFFFFULL, 0x100000000ULL}) {
    CborWriter one;
    one.number(value);
    EXPECT_EQ(one.content().size(), CborWriter::head_size(value));
    EXPECT_EQ(parse(one.content()).value(), value);
  }
  EXPECT_EQ(CborWriter().array(2).boolean(true).boolean(false).take(), hex("82f5f4"));
}

}  // namespace
}  // namespace ferry::formats
