#include <gtest/gtest.h>

#include "formats/dialect_names.hpp"
#include "tests/unit/dialects/ask.hpp"

namespace ferry::dialects {
namespace {

using test::Asked;
using test::profile;

// "artifact VERSION NAME [BLOCK]", "offer [WANT]", "STATUS", with "!" when the link is broken off.
std::string told(const Ask& ask) {
  if (const auto* artifact = std::get_if<AskArtifact>(&ask)) {
    std::string text =
        "artifact " + std::string(artifact->version) + " " + std::string(artifact->name);
    if (artifact->block) text += " " + std::to_string(*artifact->block);
    return text;
  }
  if (const auto* offer = std::get_if<AskOffer>(&ask)) {
    return offer->want.empty() ? "offer" : "offer " + offer->want.front();
  }
  const auto& refusal = std::get<Refusal>(ask);
  return std::to_string(refusal.status) + (refusal.break_off ? "!" : "");
}

std::string asked(const std::string& dialect, std::string_view path,
                  std::vector<Field> query = {}) {
  const Profile given = profile(dialect);
  return told(Asked(given, path, std::move(query)).ask());
}

TEST(Recognize, ArtifactsByVersionAndNameInEveryDialect) {
  for (const char* dialect : {"plain", "pycom", "esp32-json", "chunked", "quecpython"}) {
    EXPECT_EQ(asked(dialect, "/1.0.1/flash/lib/n.py"), "artifact 1.0.1 flash/lib/n.py") << dialect;
    for (const char* path : {"/", "/1.0.1", "/1.0.1/", "//x", "/1.0.1//x", "/1.0.1/../x", "/../x",
                             "/.1/x", "/a b/x", "/1.0.1/x/", "x"}) {
      EXPECT_EQ(asked(dialect, path), "404") << dialect << " " << path;
    }
  }
}

TEST(Recognize, DevicesWithPathsOfTheirOwn) {
  for (const char* dialect : {"http-update", "tasmota", "esp-idf", "esphome", "json"}) {
    EXPECT_EQ(asked(dialect, "/1.0.1/flash/lib/n.bin"), "artifact 1.0.1 flash/lib/n.bin");
    for (const char* path : {"/", "/update.php", "/firmware.bin", "/1.0.1/", "//x", "/.1/x"}) {
      EXPECT_TRUE(asked(dialect, path).starts_with("offer")) << dialect << " " << path;
    }
  }
}

TEST(Recognize, EveryListedDialectIsThere) {
  std::string_view rest = formats::dialect_names;
  std::size_t count = 0;
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find(", ")));
    rest.remove_prefix(std::min(rest.size(), name.size() + 2));
    Profile given = profile(name);
    given.json_url = "url";
    EXPECT_TRUE(check(given)) << name;
    ++count;
  }
  EXPECT_EQ(count, 10U);
  EXPECT_FALSE(check(profile("")));
  EXPECT_FALSE(check(profile("plain, pycom")));
}

TEST(Recognize, WhatEachDialectOffers) {
  EXPECT_EQ(asked("plain", "/offer.json"), "offer");
  EXPECT_EQ(asked("plain", "/firmware"), "offer");
  EXPECT_EQ(asked("quecpython", "/offer.json"), "offer");
  EXPECT_EQ(asked("quecpython", "/firmware"), "404");
  EXPECT_EQ(asked("pycom", "/manifest.json", {{"current_ver", "1.0"}}), "offer sha1");
  EXPECT_EQ(asked("esp32-json", "/micropython.json"), "offer");
  EXPECT_EQ(asked("chunked", "/updatemeta"), "offer sha256/skip-last");
  Profile floored = profile("chunked");
  floored.block_check = "whole-blocks";
  EXPECT_EQ(told(Asked(floored, "/updatemeta").ask()), "offer sha256/whole-blocks");
}

TEST(Recognize, PycomsNameForFirmware) {
  EXPECT_EQ(asked("pycom", "/firmware_1.0.1.bin"), "artifact 1.0.1 firmware_1.0.1.bin");
  EXPECT_EQ(asked("pycom", "/firmware_1.0.1b+2.bin"), "artifact 1.0.1b+2 firmware_1.0.1b+2.bin");
  for (const char* path :
       {"/firmware_.bin", "/firmware_1.0.1", "/firmware_1 0.bin", "/firmware_"}) {
    EXPECT_EQ(asked("pycom", path), "404") << path;
  }
}

TEST(Recognize, PycomsVersion) {
  const Profile given = profile("pycom");
  const auto version = [&](std::vector<Field> query) {
    const Asked request(given, "/manifest.json", std::move(query));
    const Ask ask = request.ask();
    const auto* offer = std::get_if<AskOffer>(&ask);
    return offer == nullptr ? "refused" : std::string(offer->device.version);
  };
  EXPECT_EQ(version({{"current_ver", "1.0.1b+2"}}), "1.0.1b+2");
  EXPECT_EQ(version({}), "");
  EXPECT_EQ(version({{"current_ver", ""}}), "");
  EXPECT_EQ(version({{"current_ver", "1 0"}}), "refused");
  EXPECT_EQ(version({{"current_ver", std::string_view("../x")}}), "refused");
}

TEST(Recognize, Esp32JsonAnywhereAndItsImageBesideIt) {
  EXPECT_EQ(asked("esp32-json", "/a/b/latest.json"), "offer");
  EXPECT_EQ(asked("esp32-json", "/~/1.20/micropython.bin"), "artifact 1.20 micropython.bin");
  EXPECT_EQ(asked("esp32-json", "/a/b/~/1.20/x/y.bin"), "artifact 1.20 x/y.bin");
  EXPECT_EQ(asked("esp32-json", "/~/1.20/notes.json"), "artifact 1.20 notes.json");
}

TEST(Recognize, ChunkedBlocks) {
  EXPECT_EQ(asked("chunked", "/blocks/2/img.bin/0"), "artifact 2 img.bin 0");
  EXPECT_EQ(asked("chunked", "/blocks/2/a/img.bin/1234"), "artifact 2 a/img.bin 1234");
  for (const char* path : {"/blocks/2/img.bin/", "/blocks/2/img.bin/x", "/blocks/2/img.bin/-1",
                           "/blocks/2/img.bin/99999999999999999999", "/blocks/2/7", "/blocks/",
                           "/blocks/2/img.bin/1x"}) {
    EXPECT_EQ(asked("chunked", path), "404!") << path;
  }
  EXPECT_EQ(asked("chunked", "/blocks"), "404");
}

TEST(Recognize, DevicesByWhereTheirIdStands) {
  Profile given = profile("plain");
  const auto id = [&](const Asked& asked) {
    const Ask ask = asked.ask();
    const auto* offer = std::get_if<AskOffer>(&ask);
    return offer == nullptr ? "refused" : std::string(offer->device.id);
  };
  EXPECT_EQ(id(Asked(given, "/offer.json")), "");
  given.device_id = "query:id";
  EXPECT_EQ(id(Asked(given, "/offer.json", {{"id", "n7"}})), "n7");
  EXPECT_EQ(id(Asked(given, "/offer.json")), "");
  EXPECT_EQ(id(Asked(given, "/offer.json", {{"id", "n 7"}})), "refused");
  EXPECT_EQ(id(Asked(given, "/offer.json", {{"id", "n\n7"}})), "refused");
  const std::string longest(120, 'x');
  EXPECT_EQ(id(Asked(given, "/offer.json", {{"id", longest}})), longest);
  const std::string longer(121, 'x');
  EXPECT_EQ(id(Asked(given, "/offer.json", {{"id", longer}})), "refused");
  given.device_id = "header:X-Id";
  EXPECT_EQ(id(Asked(given, "/offer.json", {}, {{"x-id", "AA:BB"}})), "AA:BB");
  given.device_id = "path";
  Asked below(given, "/offer.json");
  below.match.root = "/meter/unit-3";
  EXPECT_EQ(id(below), "unit-3");
}

TEST(Recognize, VersionsByWhereTheyStand) {
  Profile given = profile("plain");
  given.device_version = "header:X-Version";
  const Asked told_one(given, "/offer.json", {}, {{"X-Version", "1.2"}});
  EXPECT_EQ(std::get<AskOffer>(told_one.ask()).device.version, "1.2");
  const Asked bad(given, "/offer.json", {}, {{"X-Version", "1 2"}});
  EXPECT_EQ(told(bad.ask()), "400");
}

}  // namespace
}  // namespace ferry::dialects
