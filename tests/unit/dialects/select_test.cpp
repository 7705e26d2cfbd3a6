#include <gtest/gtest.h>

#include "tests/unit/dialects/ask.hpp"

namespace ferry::dialects {
namespace {

Profile named(std::string name) {
  Profile profile;
  profile.name = std::move(name);
  profile.dialect = "plain";
  return profile;
}

// The product that a request belongs to, and its root: "meter:/meter"; "" for none.
std::string chosen(const std::vector<Profile>& profiles, std::string_view path,
                   std::string_view fallback = "", std::vector<Field> query = {},
                   std::vector<Field> headers = {}, std::string_view peer = "10.0.0.7") {
  Request request;
  request.path = path;
  request.query = query;
  request.headers = headers;
  request.peer = peer;
  const Match match = select(profiles, request, fallback);
  return match.profile == nullptr ? "" : match.profile->name + ":" + std::string(match.root);
}

TEST(Select, ByTheProductsNameInThePath) {
  const std::vector profiles{named("meter"), named("meter2")};
  EXPECT_EQ(chosen(profiles, "/meter/1.0/x"), "meter:/meter");
  EXPECT_EQ(chosen(profiles, "/meter2/1.0/x"), "meter2:/meter2");
  EXPECT_EQ(chosen(profiles, "/meter"), "");
  EXPECT_EQ(chosen(profiles, "/meter3/x"), "");
  EXPECT_EQ(chosen(profiles, ""), "");
}

TEST(Select, TheLongestPathWins) {
  std::vector profiles{named("all"), named("deep"), named("slash")};
  profiles[0].match_path = "/a";
  profiles[1].match_path = "/a/b/";
  profiles[2].match_path = "/";
  EXPECT_EQ(chosen(profiles, "/a/b/x"), "deep:/a/b");
  EXPECT_EQ(chosen(profiles, "/a/c/x"), "all:/a");
  EXPECT_EQ(chosen(profiles, "/ab/x"), "slash:");
}

TEST(Select, PathsBeforeQueriesBeforeHeadersBeforeAddresses) {
  std::vector profiles{named("address"), named("header"), named("query"), named("path")};
  profiles[0].match_address = "10.0.0.0/8";
  profiles[1].match_header = "X-Kind: seven";
  profiles[2].match_query = "kind=7";
  const std::vector<Field> query{{"kind", "7"}};
  const std::vector<Field> headers{{"x-kIND", "seven"}};
  EXPECT_EQ(chosen(profiles, "/path/x", "", query, headers), "path:/path");
  EXPECT_EQ(chosen(profiles, "/x", "", query, headers), "query:");
  EXPECT_EQ(chosen(profiles, "/x", "", {}, headers), "header:");
  EXPECT_EQ(chosen(profiles, "/x"), "address:");
  EXPECT_EQ(chosen(profiles, "/x", "", {}, {}, "11.0.0.7"), "");
  EXPECT_EQ(chosen(profiles, "/x", "path", {}, {}, "11.0.0.7"), "path:");
}

TEST(Select, NetworksToTheBit) {
  std::vector profiles{named("net")};
  const auto fits = [&](const char* network, const char* peer) {
    profiles[0].match_address = network;
    return !chosen(profiles, "/x", "", {}, {}, peer).empty();
  };
  EXPECT_TRUE(fits("10.1.128.0/17", "10.1.255.3"));
  EXPECT_FALSE(fits("10.1.128.0/17", "10.1.127.3"));
  EXPECT_TRUE(fits("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(fits("10.1.2.3", "10.1.2.4"));
  EXPECT_TRUE(fits("0.0.0.0/0", "1.2.3.4"));
  EXPECT_TRUE(fits("fd00::/8", "fd12::1"));
  EXPECT_FALSE(fits("fd00::/8", "10.1.2.3"));
  EXPECT_FALSE(fits("10.0.0.0/8", "/dev/ttyUSB0"));
}

TEST(Select, TheDevicesPartOfThePathBelongsToTheRoot) {
  std::vector profiles{named("meter")};
  profiles[0].device_id = "path";
  EXPECT_EQ(chosen(profiles, "/meter/unit-3/offer.json"), "meter:/meter/unit-3");
  EXPECT_EQ(chosen(profiles, "/meter/offer.json"), "meter:/meter");
  EXPECT_EQ(chosen(profiles, "/unit-3/offer.json", "meter"), "meter:/unit-3");
}

TEST(Check, SaysWhatIsWrong) {
  const auto problem = [](auto change) {
    Profile profile = named("meter");
    change(profile);
    const Status fine = check(profile);
    return fine ? std::string() : fine.error().message;
  };
  EXPECT_EQ(problem([](Profile&) {}), "");
  EXPECT_NE(problem([](Profile& p) { p.dialect = "morse"; }).find("'morse' is not one of plain"),
            std::string::npos);
  EXPECT_NE(problem([](Profile& p) { p.device_id = "serial"; }).find("device_id"),
            std::string::npos);
  EXPECT_NE(problem([](Profile& p) { p.device_version = "query:"; }).find("device_version"),
            std::string::npos);
  EXPECT_NE(problem([](Profile& p) { p.match_path = "x"; }).find("match_path"), std::string::npos);
  EXPECT_NE(problem([](Profile& p) { p.match_query = "x"; }).find("match_query"),
            std::string::npos);
  EXPECT_NE(problem([](Profile& p) { p.match_header = "x"; }).find("match_header"),
            std::string::npos);
  for (const char* network : {"10.0.0.0/33", "10.0.0", "fd00::/129", "10.0.0.0/x", "10.0.0.0/"}) {
    EXPECT_NE(problem([&](Profile& p) { p.match_address = network; }).find("match_address"),
              std::string::npos)
        << network;
  }
}

}  // namespace
}  // namespace ferry::dialects
