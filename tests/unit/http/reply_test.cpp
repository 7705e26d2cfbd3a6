#include "transports/http/reply.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace ferry::http {
namespace {

const std::string sha(64, 'e');

dialects::Answer bytes(std::uint64_t length) {
  dialects::Answer answer;
  answer.body = dialects::Body{7, 0, length, 0};
  answer.etag = sha;
  answer.ranges = dialects::Ranges::always;
  return answer;
}

Conditions kept() {
  Conditions conditions;
  conditions.keep_alive = true;
  return conditions;
}

std::string header(const dialects::Answer& answer, const Conditions& conditions) {
  std::array<char, longest_header> out{};
  const std::size_t size = write_header(plan(answer, conditions), out);
  return {out.data(), size};
}

// "STATUS first+length" of a range; "/N" when the whole is told.
std::string range(std::string_view value, std::uint64_t length, bool end_is_empty = false) {
  dialects::Answer answer = bytes(length);
  answer.end_is_empty = end_is_empty;
  Conditions conditions = kept();
  conditions.range = value;
  const Reply reply = plan(answer, conditions);
  return std::to_string(reply.status) + " " + std::to_string(reply.body.offset) + "+" +
         std::to_string(reply.body.size());
}

TEST(Header, OfAWholeArtifact) {
  EXPECT_EQ(header(bytes(512), kept()),
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 512\r\n"
            "Accept-Ranges: bytes\r\nETag: \"" +
                sha + "\"\r\n\r\n");
}

TEST(Header, TellsTheMd5ByTheLetter) {
  dialects::Answer answer = bytes(512);
  answer.md5 = "0123456789abcdef0123456789abcdef";
  EXPECT_NE(header(answer, kept()).find("\r\nx-MD5: 0123456789abcdef0123456789abcdef\r\n"),
            std::string::npos);
}

TEST(Header, NothingNewHasNeitherLengthNorType) {
  dialects::Answer answer;
  answer.status = 304;
  answer.body = std::string();
  EXPECT_EQ(header(answer, kept()), "HTTP/1.1 304 Not Modified\r\n\r\n");
}

TEST(Header, OfARange) {
  Conditions conditions = kept();
  conditions.range = "bytes=5-9";
  EXPECT_EQ(
      header(bytes(512), conditions),
      "HTTP/1.1 206 Partial Content\r\nContent-Type: application/octet-stream\r\n"
      "Content-Length: 5\r\nContent-Range: bytes 5-9/512\r\nAccept-Ranges: bytes\r\nETag: \"" +
          sha + "\"\r\n\r\n");
  conditions.range = "bytes=512-";
  EXPECT_NE(header(bytes(512), conditions).find("\r\nContent-Range: bytes */512\r\n"),
            std::string::npos);
}

TEST(Header, ClosesForOldClientsAndWhenAsked) {
  Conditions conditions = kept();
  EXPECT_FALSE(plan(bytes(1), conditions).close);
  conditions.minor_version = 0;
  EXPECT_TRUE(plan(bytes(1), conditions).close);
  EXPECT_EQ(header(bytes(1), conditions).substr(0, 15), "HTTP/1.0 200 OK");
  conditions.minor_version = 1;
  conditions.keep_alive = false;
  EXPECT_TRUE(plan(bytes(1), conditions).close);
  EXPECT_NE(header(bytes(1), conditions).find("\r\nConnection: close\r\n"), std::string::npos);
}

TEST(Header, WithoutLengthItEndsWithTheConnection) {
  dialects::Answer answer;
  answer.body = std::string("{}");
  answer.announce_length = false;
  EXPECT_TRUE(plan(answer, kept()).close);
  EXPECT_EQ(header(answer, kept()).find("Content-Length"), std::string::npos);
}

TEST(Header, PaddedToReadsOfAHundredWhateverItsLength) {
  for (std::size_t length = 1; length < 120; ++length) {
    dialects::Answer answer = bytes(512);
    const std::string version(length, 'v');
    answer.version = version;
    answer.pad_header = true;
    const std::string text = header(answer, kept());
    EXPECT_EQ(text.size() % 100, 0U) << text;
    EXPECT_LT(text.size(), 600U);
    EXPECT_EQ(text.find("\r\n\r\n"), text.size() - 4);
  }
}

TEST(Header, TheLongestOneFits) {
  dialects::Answer answer = bytes(UINT64_MAX - 1);
  const std::string version(500, 'v');
  answer.version = version;
  answer.role = "differential";
  answer.md5 = version;
  answer.pad_header = true;
  answer.status = 405;
  Conditions conditions;
  conditions.range = "bytes=1-";
  const std::string text = header(answer, conditions);
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
  EXPECT_LT(text.size(), longest_header);
}

TEST(Range, SingleOnesAreServedAndClamped) {
  EXPECT_EQ(range("bytes=0-0", 100), "206 0+1");
  EXPECT_EQ(range("bytes=10-", 100), "206 10+90");
  EXPECT_EQ(range("bytes=90-1000", 100), "206 90+10");
  EXPECT_EQ(range("bytes=-7", 100), "206 93+7");
  EXPECT_EQ(range("bytes=-1000", 100), "206 0+100");
  EXPECT_EQ(range(" bytes= 5-6 ", 100), "206 5+2");
  EXPECT_EQ(range("bytes=0-18446744073709551616", 100), "206 0+100");
}

TEST(Range, WhatIsNoneIsTheWhole) {
  for (const char* value : {"bytes=0-1,3-4", "bytes=5-4", "bytes=", "bytes=-", "bytes=x-",
                            "bytes=1-x", "bytes=1", "items=0-1", "", "bytes=0x1-2", "bytes=+1-2"}) {
    EXPECT_EQ(range(value, 100), "200 0+100") << value;
  }
}

TEST(Range, PastTheEnd) {
  EXPECT_EQ(range("bytes=100-", 100), "416 0+0");
  EXPECT_EQ(range("bytes=-0", 100), "416 0+0");
  EXPECT_EQ(range("bytes=0-", 0), "416 0+0");
  EXPECT_EQ(range("bytes=-5", 0), "416 0+0");
  EXPECT_EQ(range("bytes=99999999999999999999-", 100), "416 0+0");
  EXPECT_EQ(range("bytes=100-", 100, true), "206 0+0");
  EXPECT_EQ(range("bytes=101-", 100, true), "416 0+0");
}

TEST(Range, HeadAndTextsHaveNone) {
  Conditions conditions = kept();
  conditions.range = "bytes=1-2";
  conditions.head = true;
  const Reply head = plan(bytes(100), conditions);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.content_length, 100U);
  EXPECT_EQ(head.body.size(), 0U);
  conditions.head = false;
  dialects::Answer text;
  text.body = std::string("null");
  EXPECT_EQ(plan(text, conditions).status, 200);
}

TEST(Range, OfABlockIsIgnored) {
  dialects::Answer block = bytes(512);
  block.ranges = dialects::Ranges::none;
  Conditions conditions = kept();
  conditions.range = "bytes=1-2";
  EXPECT_EQ(plan(block, conditions).status, 200);
}

TEST(Conditions, IfRangeNeedsTheStrongTag) {
  Conditions conditions = kept();
  conditions.range = "bytes=1-2";
  const auto status = [&](std::string text) {
    conditions.if_range = text;
    return plan(bytes(100), conditions).status;
  };
  EXPECT_EQ(status("\"" + sha + "\""), 206);
  EXPECT_EQ(status("W/\"" + sha + "\""), 200);
  EXPECT_EQ(status(sha), 200);
  EXPECT_EQ(status("\"x\""), 200);
  EXPECT_EQ(status(""), 200);
}

TEST(Conditions, LastingNamesServeRangesOnlyAgainstTheTag) {
  dialects::Answer image = bytes(100);
  image.ranges = dialects::Ranges::if_validated;
  Conditions conditions = kept();
  conditions.range = "bytes=1-2";
  EXPECT_EQ(plan(image, conditions).status, 200);
  const std::string tag = "\"" + sha + "\"";
  conditions.if_range = tag;
  EXPECT_EQ(plan(image, conditions).status, 206);
}

TEST(Conditions, NotModified) {
  Conditions conditions = kept();
  const std::string list = "\"x\", W/\"" + sha + "\"";
  conditions.if_none_match = list;
  conditions.range = "bytes=1-2";
  const Reply reply = plan(bytes(100), conditions);
  EXPECT_EQ(reply.status, 304);
  EXPECT_FALSE(reply.content_length);
  EXPECT_EQ(reply.body.size(), 0U);
  conditions.if_none_match = "\"x\"";
  EXPECT_EQ(plan(bytes(100), conditions).status, 206);
}

}  // namespace
}  // namespace ferry::http
