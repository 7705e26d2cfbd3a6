#include "formats/command.hpp"

#include <gtest/gtest.h>

namespace ferry::formats {
namespace {

bool accepted(std::string_view text) {
  return parse_command(text).has_value();
}

TEST(Command, EachVerbWithWhatItTakes) {
  EXPECT_TRUE(accepted(R"({"id":"1","command":"sync"})"));
  EXPECT_TRUE(accepted(R"({"id":"1","command":"sync","source":"cloud"})"));
  for (const char* verb : {"pause", "resume", "retry", "cancel", "force", "install"}) {
    const std::string begin = std::string(R"({"id":"1","command":")") + verb + "\",";
    EXPECT_TRUE(accepted(begin + R"("delivery":7})"));
    EXPECT_TRUE(accepted(begin + R"("device":"a/b c","product":"pump"})"));
    EXPECT_FALSE(accepted(begin + R"("delivery":7,"device":"a"})"));
    EXPECT_FALSE(accepted(begin + R"("product":"pump"})"));
  }
  EXPECT_TRUE(accepted(R"({"id":"1","command":"retry","product":"p","version":"1"})"));
  EXPECT_TRUE(accepted(R"({"id":"1","command":"assign","device":"d","version":""})"));
  for (const char* verb : {"evict", "pin", "unpin"}) {
    const std::string begin = std::string(R"({"id":"1","command":")") + verb + "\",";
    EXPECT_TRUE(accepted(begin + R"("product":"p","version":"1"})"));
    EXPECT_FALSE(accepted(begin + R"("product":"p","version":""})"));
    EXPECT_FALSE(accepted(begin + R"("product":"p"})"));
  }
}

TEST(Command, SaysWhatItMeans) {
  const auto command = parse_command(
      R"({"id":"x-1","command":"assign","device":"d","product":"p","version":"2","downgrade":true})");
  ASSERT_TRUE(command) << command.error().message;
  EXPECT_EQ(command->id, "x-1");
  EXPECT_EQ(command->verb, Verb::assign);
  EXPECT_EQ(command->version, "2");
  EXPECT_TRUE(command->downgrade);
  EXPECT_FALSE(command->bounds);
}

TEST(Command, WhatIsNotExactlyOneIsRefused) {
  for (const char* text :
       {"",
        "null",
        "[]",
        "7",
        "{",
        R"({"id":"1"})",
        R"({"command":"sync"})",
        R"({"id":"","command":"sync"})",
        R"({"id":"a b","command":"sync"})",
        R"({"id":7,"command":"sync"})",
        R"({"id":"1","command":"exec"})",
        R"({"id":"1","command":"SYNC"})",
        R"({"id":"1","command":["sync"]})",
        R"({"id":"1","id":"2","command":"sync"})",
        R"({"id":"1","command":"sync","shell":"id"})",
        R"({"id":"1","command":"sync","source":"../cloud"})",
        R"({"id":"1","command":"sync","source":"http://x/"})",
        R"({"id":"1","command":"pause","delivery":0})",
        R"({"id":"1","command":"pause","delivery":-1})",
        R"({"id":"1","command":"pause","delivery":"7"})",
        R"({"id":"1","command":"pause","delivery":18446744073709551615})",
        R"({"id":"1","command":"assign","device":"d","version":"../../etc/passwd"})",
        R"({"id":"1","command":"assign","device":"d","version":"1","downgrade":"yes"})",
        R"({"id":"1","command":"assign","device":"d\u0000","version":"1"})",
        R"({"id":"1","command":"sync","target":"van-1"})",
        R"({"id":"1","command":"sync","a":{"b":{"c":{}}}})"}) {
    EXPECT_FALSE(accepted(text)) << text;
  }
  EXPECT_FALSE(
      accepted(R"({"id":"1","command":"sync","source":")" + std::string(5000, 'a') + "\"}"));
  EXPECT_FALSE(accepted(R"({"id":")" + std::string(65, 'a') + R"(","command":"sync"})"));
  EXPECT_FALSE(accepted("{\"id\":\"1\",\"command\":\"pause\",\"device\":\"\xFF\"}"));
}

TEST(Command, TheIdOfARefusedOneIsFound) {
  EXPECT_EQ(command_id(R"({"id":"42","command":"exec"})"), "42");
  EXPECT_EQ(command_id(R"({"id":"4 2","command":"sync"})"), "");
  EXPECT_EQ(command_id("rubbish"), "");
}

TEST(Command, BoundsStandTogether) {
  const auto command = parse_command(
      R"({"id":"1","command":"sync","target":"van-1","sequence":5,"expires":1800000000})");
  ASSERT_TRUE(command) << command.error().message;
  ASSERT_TRUE(command->bounds);
  EXPECT_EQ(command->bounds->sequence, 5U);
  EXPECT_FALSE(accepted(R"({"id":"1","command":"sync","target":"van-1","sequence":5})"));
  EXPECT_FALSE(
      accepted(R"({"id":"1","command":"sync","target":"van-1","sequence":0,"expires":1})"));
}

}  // namespace
}  // namespace ferry::formats
