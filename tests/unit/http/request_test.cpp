#include "transports/http/request.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ferry::http {
namespace {

// Keeps the bytes that the views point into.
struct Parsed {
  std::string block;
  ParsedRequest request;
  std::string_view why;
  int status = 0;

  explicit Parsed(std::string text) : block(std::move(text)) {
    status = parse_request(block, request, why);
  }
};

Parsed target(const std::string& text) {
  return Parsed("GET " + text + " HTTP/1.1\r\n\r\n");
}

TEST(Request, HeaderEnd) {
  EXPECT_EQ(header_end("GET / HTTP/1.0\r\n\r\n", 0), 18U);
  EXPECT_EQ(header_end("GET / HTTP/1.0\r\n\r\nrest", 0), 18U);
  EXPECT_EQ(header_end("GET / HTTP/1.0\r\n\r", 0), 0U);
  EXPECT_EQ(header_end("GET / HTTP/1.0\r\n\r\n", 17), 18U);
  EXPECT_EQ(header_end("", 0), 0U);
}

TEST(Request, PathsAndQueriesAreDecoded) {
  const Parsed parsed = target("/a%20b/c%2fd?x=1%262&flag&=v&y=a+b");
  ASSERT_EQ(parsed.status, 0) << parsed.why;
  EXPECT_EQ(parsed.request.path, "/a b/c/d");
  ASSERT_EQ(parsed.request.parameter_count, 4U);
  const auto fields = parsed.request.parameters();
  EXPECT_EQ(fields[0].name, "x");
  EXPECT_EQ(fields[0].value, "1&2");
  EXPECT_EQ(fields[1].name, "flag");
  EXPECT_EQ(fields[1].value, "");
  EXPECT_EQ(fields[3].value, "a+b");
}

TEST(Request, WholeUrlsAndFragments) {
  EXPECT_EQ(target("http://h:8000/x?y=1").request.path, "/x");
  EXPECT_EQ(target("/x#frag").request.path, "/x");
}

TEST(Request, BadTargets) {
  for (const char* text :
       {"/%", "/%4", "/%zz", "/a%00b", "/a%0ab", "/x?y=%1", "x", "http://h", "*", "/x?%7f=1"}) {
    EXPECT_EQ(target(text).status, 400) << text;
  }
  std::string many = "/x?";
  for (std::size_t i = 0; i <= most_parameters; ++i) many += "a=1&";
  EXPECT_EQ(target(many).status, 400);
}

TEST(Request, HeadersOfInterest) {
  const Parsed parsed(
      "HEAD / HTTP/1.0\r\nhOST: h:1\r\nRANGE:bytes=1-2  \r\nIf-Range: \"t\"\r\nIf-None-Match: *\r\n"
      "X-Id: n7\r\n\r\n");
  ASSERT_EQ(parsed.status, 0) << parsed.why;
  EXPECT_EQ(parsed.request.host, "h:1");
  const Conditions& conditions = parsed.request.conditions;
  EXPECT_TRUE(conditions.head);
  EXPECT_EQ(conditions.minor_version, 0);
  EXPECT_EQ(conditions.range, "bytes=1-2");
  EXPECT_EQ(conditions.if_range, "\"t\"");
  EXPECT_EQ(conditions.if_none_match, "*");
  EXPECT_EQ(parsed.request.header_count, 5U);
}

TEST(Request, KeepAlive) {
  const auto keep = [](const char* version, const char* field) {
    return Parsed(std::string("GET / HTTP/") + version + "\r\n" + field + "\r\n")
        .request.conditions.keep_alive;
  };
  EXPECT_TRUE(keep("1.1", ""));
  EXPECT_FALSE(keep("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keep("1.0", ""));
}

TEST(Request, WhatIsRefused) {
  EXPECT_EQ(Parsed("POST / HTTP/1.1\r\n\r\n").status, 405);
  EXPECT_EQ(Parsed("BREW / HTTP/1.1\r\n\r\n").status, 405);
  EXPECT_EQ(Parsed("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n").status, 413);
  EXPECT_EQ(Parsed("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").status, 413);
  EXPECT_EQ(Parsed("GET / HTTP/1.0\r\nContent-Length: 0\r\n\r\n").status, 0);
  for (const char* text : {"GET / HTTP/2.0\r\n\r\n", "GET /\r\n\r\n", "\r\n\r\n",
                           "GET / HTTP/1.1\r\nX\r\n\r\n", "GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
                           "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
    EXPECT_EQ(Parsed(text).status, 400) << text;
  }
  std::string many = "GET / HTTP/1.1\r\n";
  for (std::size_t i = 0; i <= most_fields; ++i) many += "X: y\r\n";
  EXPECT_EQ(Parsed(many + "\r\n").status, 431);
}

}  // namespace
}  // namespace ferry::http
