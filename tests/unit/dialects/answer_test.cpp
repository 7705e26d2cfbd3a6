#include <gtest/gtest.h>

#include "formats/json.hpp"
#include "tests/unit/dialects/ask.hpp"

namespace ferry::dialects {
namespace {

using formats::Json;
using test::artifact;
using test::Asked;
using test::offer;
using test::profile;

const Site site{"10.0.0.1:8000", 8000, "/meter"};

Json json(const Answer& answer) {
  return Json::parse(std::get<std::string>(answer.body));
}

TEST(Pycom, TheDifferenceIsExact) {
  const Profile given = profile("pycom");
  const Asked asked(given, "/manifest.json", {{"current_ver", "1.0.0"}});
  Offer update = offer({artifact("file", "1.0.1", "flash/same.py"),
                        artifact("file", "1.0.1", "flash/changed.py"),
                        artifact("file", "1.0.1", "flash/new.py")});
  update.base_known = true;
  update.base_files = {{"flash/same.py", update.artifacts[0].sha256},
                       {"flash/changed.py", std::string(64, 'b')},
                       {"sd/gone.wav", std::string(64, 'c')}};
  const Answer answer = answer_offer(asked.match, asked.request, &update, site);
  const Json entry = {{"URL", "http://10.0.0.1:8000/meter/1.0.1/flash/new.py"},
                      {"dst_path", "/flash/new.py"},
                      {"hash", "5a1"}};
  const Json manifest = json(answer);
  EXPECT_EQ(manifest["new"], Json::array({entry}));
  EXPECT_EQ(manifest["update"].size(), 1U);
  EXPECT_EQ(manifest["update"][0]["dst_path"], "/flash/changed.py");
  EXPECT_EQ(manifest["delete"], Json::array({"sd/gone.wav"}));
  EXPECT_EQ(manifest["previous_version"], "1.0.0");
  EXPECT_FALSE(manifest.contains("firmware"));
  EXPECT_TRUE(answer.pad_header);
}

TEST(Pycom, WithoutKnownBaseNothingIsDeleted) {
  const Profile given = profile("pycom");
  const Asked asked(given, "/manifest.json");
  Offer update = offer({artifact("file", "1.0.1", "flash/same.py")});
  update.base_files = {{"flash/same.py", update.artifacts[0].sha256}, {"x", "y"}};
  const Json manifest = json(answer_offer(asked.match, asked.request, &update, site));
  EXPECT_EQ(manifest["new"].size(), 1U);
  EXPECT_EQ(manifest["delete"], Json::array());
  EXPECT_FALSE(manifest.contains("previous_version"));
}

TEST(Pycom, AnOfferWithoutFilesDeletesNone) {
  const Profile given = profile("pycom");
  const Asked asked(given, "/manifest.json");
  Offer update = offer({artifact("firmware", "1.1", "firmware_1.1.bin")});
  update.base_known = true;
  update.base_files = {{"flash/main.py", "x"}};
  const Json manifest = json(answer_offer(asked.match, asked.request, &update, site));
  EXPECT_EQ(manifest["delete"], Json::array());
  EXPECT_EQ(manifest["firmware"]["URL"], "http://10.0.0.1:8000/meter/firmware_1.1.bin");
}

TEST(Pycom, WithoutDigestsOrOfferItSaysNull) {
  const Profile given = profile("pycom");
  const Asked asked(given, "/manifest.json");
  Offer update = offer({artifact("file", "1.0.1", "flash/a.py")});
  update.artifacts[0].digests.clear();
  const Answer unready = answer_offer(asked.match, asked.request, &update, site);
  EXPECT_EQ(unready.status, 503);
  EXPECT_EQ(std::get<std::string>(unready.body), "null");
  const Answer nothing = answer_offer(asked.match, asked.request, nullptr, site);
  EXPECT_EQ(nothing.status, 200);
  EXPECT_EQ(std::get<std::string>(nothing.body), "null");
}

TEST(Pycom, AHostThatIsNoneIsNotRepeated) {
  const Profile given = profile("pycom");
  const Asked asked(given, "/manifest.json");
  const Offer update = offer({artifact("file", "1.0.1", "flash/a.py")});
  for (const char* host : {"", "a b", "x/y", "h\"", "<h>", "h@x"}) {
    EXPECT_EQ(answer_offer(asked.match, asked.request, &update, {host, 80, ""}).status, 400)
        << host;
  }
  EXPECT_EQ(answer_offer(asked.match, asked.request, &update, {"[fd00::1]:80", 80, ""}).status,
            200);
}

TEST(Pycom, OnALinkWithoutPortsUrlsAreNames) {
  const Profile given = profile("pycom");
  const Asked asked(given, "/manifest.json");
  const Offer update = offer({artifact("file", "1.0.1", "flash/a.py")});
  const auto manifest =
      json(answer_offer(asked.match, asked.request, &update, {"", 0, "/tracker"}));
  EXPECT_EQ(manifest["new"][0]["URL"], "/tracker/1.0.1/flash/a.py");
}

TEST(Pycom, FailuresOfBytesBreakOffAndThoseOfManifestsAreNull) {
  const Profile given = profile("pycom");
  const Asked bytes(given, "/firmware_9.bin");
  EXPECT_TRUE(answer_failure(bytes.match, bytes.ask(), 404, "none").break_off);
  const Asked manifest(given, "/manifest.json");
  const Answer answer = answer_failure(manifest.match, manifest.ask(), 503, "away");
  EXPECT_FALSE(answer.break_off);
  EXPECT_EQ(std::get<std::string>(answer.body), "null");
}

TEST(Esp32Json, TheImageIsNamedRelativeAndTheJsonHasNoLength) {
  const Profile given = profile("esp32-json");
  const Asked asked(given, "/micropython.json");
  const Offer update = offer({artifact("firmware", "1.20", "micro python.bin", 1558512)});
  const Answer answer = answer_offer(asked.match, asked.request, &update, site);
  EXPECT_EQ(json(answer), (Json{{"firmware", "~/1.20/micro%20python.bin"},
                                {"sha", update.artifacts[0].sha256},
                                {"length", 1558512}}));
  EXPECT_FALSE(answer.announce_length);
  EXPECT_EQ(answer_offer(asked.match, asked.request, nullptr, site).status, 404);
  const Offer files = offer({artifact("file", "1", "a.py")});
  EXPECT_EQ(answer_offer(asked.match, asked.request, &files, site).status, 404);
}

TEST(Chunked, SizesAndDigestsFollowTheClientsCheck) {
  Profile given = profile("chunked");
  const Offer update = offer({artifact("firmware", "2", "img.bin", 1024)});
  const Asked skip(given, "/updatemeta");
  Json part = json(answer_offer(skip.match, skip.request, &update, site))["partition"];
  EXPECT_EQ(part, (Json{{"url", "http://10.0.0.1:8000/meter/blocks/2/img.bin"},
                        {"size", 1028},
                        {"hash", "padded"}}));
  given.block_check = "whole-blocks";
  const Asked whole(given, "/updatemeta");
  part = json(answer_offer(whole.match, whole.request, &update, site))["partition"];
  EXPECT_EQ(part["size"], 1024);
  EXPECT_EQ(part["hash"], "floored");
}

TEST(Chunked, TheHostIsGivenOurPortOnlyWhenItHasNone) {
  const Profile given = profile("chunked");
  const Asked asked(given, "/updatemeta");
  const Offer update = offer({artifact("archive", "2", "vfs.tar", 1024)});
  const auto url = [&](std::string_view host, std::uint16_t port) {
    return json(answer_offer(asked.match, asked.request, &update, {host, port, ""}))["vfs"]["url"]
        .get<std::string>();
  };
  EXPECT_EQ(url("h", 8000), "http://h:8000/blocks/2/vfs.tar");
  EXPECT_EQ(url("h", 80), "http://h/blocks/2/vfs.tar");
  EXPECT_EQ(url("h:9", 8000), "http://h:9/blocks/2/vfs.tar");
  EXPECT_EQ(url("[fd00::1]", 8000), "http://[fd00::1]:8000/blocks/2/vfs.tar");
  EXPECT_EQ(url("[fd00::1]:9", 8000), "http://[fd00::1]:9/blocks/2/vfs.tar");
}

TEST(Chunked, BlocksOfThePaddedImageAndOfTheArchive) {
  const Profile given = profile("chunked");
  const Asked asked(given, "/updatemeta");
  const auto block = [&](const char* role, std::uint64_t number) {
    AskArtifact ask;
    ask.block = number;
    return answer_artifact(asked.match, ask, artifact(role, "2", "img.bin", 1024));
  };
  const auto body = [&](const Answer& answer) { return std::get<Body>(answer.body); };
  EXPECT_EQ(body(block("firmware", 1)).offset, 512U);
  EXPECT_EQ(body(block("firmware", 1)).size(), 512U);
  EXPECT_EQ(body(block("firmware", 2)).length, 0U);
  EXPECT_EQ(body(block("firmware", 2)).padding, 4U);
  EXPECT_EQ(block("firmware", 3).status, 404);
  EXPECT_TRUE(block("firmware", 3).break_off);
  EXPECT_EQ(block("archive", 2).status, 404);
  EXPECT_EQ(block("firmware", UINT64_MAX).status, 404);
  EXPECT_EQ(block("firmware", UINT64_MAX / 512 + 1).status, 404);
}

TEST(Chunked, NothingToDo) {
  Profile given = profile("chunked");
  const Asked asked(given, "/updatemeta");
  EXPECT_EQ(answer_offer(asked.match, asked.request, nullptr, site).status, 404);
  given.nothing_to_do = "empty";
  const Answer empty = answer_offer(asked.match, asked.request, nullptr, site);
  EXPECT_EQ(empty.status, 200);
  EXPECT_EQ(std::get<std::string>(empty.body), "{}");
}

TEST(Plain, TheOfferAsJson) {
  const Profile given = profile("plain");
  const Asked asked(given, "/offer.json");
  Offer update = offer({artifact("firmware", "1.0.1", "fw.bin"), artifact("file", "1.0.0", "a b")});
  update.from_version = "0.9";
  const Json document = json(answer_offer(asked.match, asked.request, &update, site));
  EXPECT_EQ(document["version"], "1.0.1");
  EXPECT_EQ(document["from_version"], "0.9");
  EXPECT_EQ(document["artifacts"][0]["url"], "/meter/1.0.1/fw.bin");
  EXPECT_EQ(document["artifacts"][0]["sha256"], update.artifacts[0].sha256);
  EXPECT_EQ(document["artifacts"][1]["url"], "/meter/1.0.0/a%20b");
  EXPECT_EQ(document["artifacts"][1]["dst_path"], "a b");
  EXPECT_EQ(answer_offer(asked.match, asked.request, nullptr, site).status, 204);
}

TEST(Plain, TheImageUnderItsLastingName) {
  const Profile given = profile("plain");
  const Asked asked(given, "/firmware");
  const Offer both = offer({artifact("file", "1", "a"), artifact("firmware", "1.0.1", "fw.bin")});
  const Answer image = answer_offer(asked.match, asked.request, &both, site);
  EXPECT_EQ(image.version, "1.0.1");
  EXPECT_EQ(image.role, "firmware");
  EXPECT_EQ(image.ranges, Ranges::if_validated);
  const Offer patch = offer({artifact("differential", "1.0.1", "p.bin")});
  EXPECT_EQ(answer_offer(asked.match, asked.request, &patch, site).role, "differential");
  const Offer files = offer({artifact("file", "1", "a")});
  EXPECT_EQ(answer_offer(asked.match, asked.request, &files, site).status, 204);
}

TEST(Slice, AcrossTheEndOfTheArtifact) {
  const Body whole{7, 100, 10, 4};
  const Body across = slice(whole, 8, 5);
  EXPECT_EQ(across.offset, 108U);
  EXPECT_EQ(across.length, 2U);
  EXPECT_EQ(across.padding, 3U);
  const Body padding = slice(whole, 12, 2);
  EXPECT_EQ(padding.length, 0U);
  EXPECT_EQ(padding.padding, 2U);
  const Body all = slice(whole, 0, 14);
  EXPECT_EQ(all.length, 10U);
  EXPECT_EQ(all.padding, 4U);
}

}  // namespace
}  // namespace ferry::dialects
