// Dialects whose devices ask at paths of their own for the image itself.
#include <gtest/gtest.h>

#include "formats/json.hpp"
#include "formats/padding.hpp"
#include "tests/unit/dialects/ask.hpp"

namespace ferry::dialects {
namespace {

using formats::Json;
using test::artifact;
using test::Asked;
using test::offer;
using test::profile;

const Site image_site{"10.0.0.1:8000", 8000, "/meter"};
constexpr const char* image_md5 = "0123456789abcdef0123456789abcdef";
const std::string appended_sha256(64, 'c');

Artifact image(std::string name = "firmware_1.0.1.bin", std::string role = "firmware") {
  Artifact made = artifact(std::move(role), "1.0.1", std::move(name));
  made.digests["md5"] = image_md5;
  made.digests[std::string(formats::appended_digest)] = appended_sha256;
  return made;
}

Answer answer(const Asked& asked, const Offer* offer) {
  return answer_offer(asked.match, asked.request, offer, image_site);
}

AskOffer offer_of(const Asked& asked) {
  return std::get<AskOffer>(asked.ask());
}

std::string text(const Answer& answer) {
  return std::get<std::string>(answer.body);
}

std::vector<Field> esp8266(std::string_view version) {
  return {{"x-ESP8266-STA-MAC", "18:FE:AA:BB:CC:DD"},
          {"x-ESP8266-version", version},
          {"x-ESP8266-mode", "sketch"}};
}

TEST(HttpUpdate, TheDeviceIsItsMacAddressAndItsVersionWhatTheSketchSays) {
  const Profile given = profile("http-update");
  const Asked asked(given, "/update.php", {}, esp8266("1.0.0"));
  const AskOffer ask = offer_of(asked);
  EXPECT_EQ(ask.device.id, "18:FE:AA:BB:CC:DD");
  EXPECT_EQ(ask.device.version, "1.0.0");
  EXPECT_EQ(ask.want, std::vector<std::string>{"md5"});
  const Asked esp32(given, "/", {},
                    {{"x-ESP32-STA-MAC", "24:0A:C4:00:00:01"},
                     {"X-ESP32-VERSION", "2.1"},
                     {"x-ESP32-sketch-sha256", "AB"}});
  EXPECT_EQ(offer_of(esp32).device.id, "24:0A:C4:00:00:01");
  EXPECT_EQ(offer_of(esp32).device.version, "2.1");
  EXPECT_EQ(offer_of(esp32).want,
            (std::vector<std::string>{"md5", std::string(formats::appended_digest)}));
}

TEST(HttpUpdate, WhatIsNoVersionOrNoIdIsNone) {
  const Profile given = profile("http-update");
  EXPECT_EQ(offer_of(Asked(given, "/u", {}, esp8266("1.0 beta"))).device.version, "");
  EXPECT_EQ(offer_of(Asked(given, "/u", {}, {{"x-ESP8266-STA-MAC", "a b\n"}})).device.id, "");
  const std::string longer(121, 'x');
  EXPECT_EQ(offer_of(Asked(given, "/u", {}, {{"x-ESP8266-STA-MAC", longer}})).device.id, "");
}

TEST(HttpUpdate, TheProfileCountsMoreThanTheHeaders) {
  Profile given = profile("http-update");
  given.device_id = "query:id";
  given.device_version = "query:v";
  const Asked asked(given, "/u", {{"id", "n7"}, {"v", "3.0"}}, esp8266("1.0.0"));
  EXPECT_EQ(offer_of(asked).device.id, "n7");
  EXPECT_EQ(offer_of(asked).device.version, "3.0");
}

TEST(HttpUpdate, TheImageWithItsMd5) {
  const Profile given = profile("http-update");
  const Asked asked(given, "/update.php", {}, esp8266("1.0.0"));
  const Offer update = offer({artifact("file", "1.0.1", "a"), image()});
  const Answer given_image = answer(asked, &update);
  EXPECT_EQ(given_image.status, 200);
  EXPECT_EQ(given_image.md5, image_md5);
  EXPECT_EQ(given_image.content_type, "application/octet-stream");
  EXPECT_TRUE(given_image.announce_length);
  EXPECT_EQ(std::get<Body>(given_image.body).length, 1000U);
}

TEST(HttpUpdate, NothingToDoIs304) {
  const Profile given = profile("http-update");
  const Asked asked(given, "/update.php", {}, esp8266("1.0.1"));
  EXPECT_EQ(answer(asked, nullptr).status, 304);
  const Offer files = offer({artifact("file", "1.0.1", "a")});
  EXPECT_EQ(answer(asked, &files).status, 304);
}

TEST(HttpUpdate, ADigestTellsWhatASketchWithoutVersionRuns) {
  const Profile given = profile("http-update");
  const Offer update = offer({image()});
  const auto status = [&](std::string_view name, std::string_view value) {
    return answer(Asked(given, "/u", {}, {{name, value}}), &update).status;
  };
  EXPECT_EQ(status("x-ESP8266-sketch-md5", image_md5), 304);
  const Asked same(given, "/u", {}, {{"x-ESP8266-sketch-md5", image_md5}});
  EXPECT_EQ(answer(same, &update).runs, "1.0.1");
  EXPECT_EQ(answer(Asked(given, "/u"), &update).runs, "");
  EXPECT_EQ(status("x-ESP8266-sketch-md5", std::string(32, '0')), 200);
  EXPECT_EQ(status("x-ESP8266-sketch-md5", ""), 200);
  EXPECT_EQ(status("x-ESP32-sketch-sha256", std::string(64, 'C')), 304);
  EXPECT_EQ(status("x-ESP32-sketch-sha256", update.artifacts[0].sha256), 304);
  EXPECT_EQ(status("x-ESP32-sketch-sha256", std::string(64, 'D')), 200);
}

TEST(HttpUpdate, TheFileSystemIsNeverGivenTheProgram) {
  const Profile given = profile("http-update");
  const Asked asked(given, "/u", {}, {{"x-ESP8266-mode", "spiffs"}});
  const Offer program = offer({image(), image("data/other.bin", "file")});
  EXPECT_EQ(answer(asked, &program).status, 304);
  Artifact files = image("data/littlefs.bin", "file");
  files.handle = 9;
  const Offer both = offer({image(), files});
  EXPECT_EQ(std::get<Body>(answer(asked, &both).body).handle, 9U);
}

TEST(HttpUpdate, AskedForTheVersionAloneItSendsNoImage) {
  const Profile given = profile("http-update");
  const Asked asked(given, "/u", {}, {{"x-ESP8266-mode", "version"}});
  const Offer update = offer({image()});
  EXPECT_EQ(text(answer(asked, &update)), "1.0.1\n");
  EXPECT_EQ(answer(asked, nullptr).status, 304);
}

TEST(HttpUpdate, WithoutItsDigestAnImageIsNotSent) {
  const Profile given = profile("http-update");
  const Asked asked(given, "/u", {}, esp8266("1.0"));
  Offer update = offer({image()});
  update.artifacts[0].digests.clear();
  EXPECT_EQ(answer(asked, &update).status, 503);
}

TEST(Tasmota, TheVersionStandsBeforeTheBracket) {
  const Profile given = profile("tasmota");
  const auto version = [&](std::string_view told) {
    return std::string(offer_of(Asked(given, "/tasmota.bin.gz", {}, esp8266(told))).device.version);
  };
  EXPECT_EQ(version("14.2.0.3(release-tasmota)"), "14.2.0.3");
  EXPECT_EQ(version("14.2.0"), "14.2.0");
  EXPECT_EQ(version("14.2.0(minimal)"), "");
  EXPECT_EQ(version("14.2.0(release-minimal)"), "");
  EXPECT_EQ(version("(tasmota)"), "");
}

TEST(Tasmota, TheFileOfThatNameElseTheImageElseNone) {
  const Profile given = profile("tasmota");
  Artifact minimal = image("tasmota-minimal.bin.gz", "file");
  minimal.handle = 8;
  Artifact german = image("images/tasmota-DE.bin.gz", "file");
  german.handle = 9;
  const Offer update = offer({image(), minimal, german});
  const auto handle = [&](std::string_view path) -> std::uint64_t {
    const Answer made = answer(Asked(given, path), &update);
    const auto* body = std::get_if<Body>(&made.body);
    return body == nullptr ? 0 : body->handle;
  };
  EXPECT_EQ(handle("/tasmota.bin.gz"), 7U);
  EXPECT_EQ(handle("/tasmota.bin"), 7U);
  EXPECT_EQ(handle("/tasmota-minimal.bin.gz"), 8U);
  EXPECT_EQ(handle("/tasmota-DE.bin.gz"), 9U);
  EXPECT_EQ(handle("/sensors-minimal.bin.gz"), 0U);
  EXPECT_EQ(answer(Asked(given, "/sensors-minimal.bin"), &update).status, 404);
  EXPECT_EQ(answer(Asked(given, "/tasmota-minimal.bin.gz"), &update).md5, image_md5);
  EXPECT_EQ(answer(Asked(given, "/tasmota.bin.gz"), nullptr).status, 304);
}

TEST(EspIdf, RangesOfTheLastingNameNeedNoTag) {
  const Profile given = profile("esp-idf");
  const Offer update = offer({image()});
  const Answer made = answer(Asked(given, "/latest.bin"), &update);
  EXPECT_EQ(made.ranges, Ranges::always);
  EXPECT_EQ(made.version, "1.0.1");
  EXPECT_EQ(answer(Asked(given, "/latest.bin"), nullptr).status, 304);
}

TEST(Esphome, TheManifestOfOneChip) {
  Profile given = profile("esphome");
  given.chip_family = "ESP32-S3";
  const Offer update = offer({image()});
  const Asked asked(given, "/manifest.json");
  EXPECT_EQ(offer_of(asked).want, std::vector<std::string>{"md5"});
  EXPECT_EQ(
      Json::parse(text(answer(asked, &update))),
      (Json{{"name", "meter"},
            {"version", "1.0.1"},
            {"builds",
             {{{"chipFamily", "ESP32-S3"},
               {"ota", {{"path", "/meter/1.0.1/firmware_1.0.1.bin"}, {"md5", image_md5}}}}}}}));
}

TEST(Esphome, AManifestWithoutVersionSaysThatThereIsNothing) {
  Profile given = profile("esphome");
  given.chip_family = "ESP32";
  const Json manifest = Json::parse(text(answer(Asked(given, "/manifest.json"), nullptr)));
  EXPECT_EQ(manifest["version"], "");
  EXPECT_EQ(manifest["builds"][0]["ota"]["md5"], "");
  EXPECT_EQ(answer(Asked(given, "/firmware.bin"), nullptr).status, 404);
  EXPECT_EQ(answer(Asked(given, "/firmware.md5"), nullptr).status, 404);
}

TEST(Esphome, APathWithHttpInItIsNoWholeUrl) {
  const Profile given = profile("esphome");
  const Offer update = offer({image("http/https.bin")});
  const Asked asked(given, "/manifest.json");
  const Json manifest = Json::parse(text(answer(asked, &update)));
  EXPECT_EQ(manifest["builds"][0]["ota"]["path"], "/meter/1.0.1/%68ttp/%68ttps.bin");
}

TEST(Esphome, TheMd5FileAndTheImageBesideIt) {
  const Profile given = profile("esphome");
  const Offer update = offer({image()});
  EXPECT_EQ(text(answer(Asked(given, "/firmware.md5"), &update)), std::string(image_md5) + "\n");
  EXPECT_EQ(std::get<Body>(answer(Asked(given, "/firmware.bin"), &update).body).handle, 7U);
}

Profile json_profile() {
  Profile given = profile("json");
  given.json_version = "version";
  given.json_url = "url";
  given.json_hash = "hash";
  given.json_hash_kind = "sha256";
  given.json_size = "size";
  return given;
}

TEST(JsonDialect, TheFieldsThatTheOperatorNamed) {
  Profile given = json_profile();
  const Offer update = offer({image()});
  const std::string url = "http://10.0.0.1:8000/meter/1.0.1/firmware_1.0.1.bin";
  EXPECT_EQ(Json::parse(text(answer(Asked(given, "/what"), &update))),
            (Json{{"version", "1.0.1"},
                  {"url", url},
                  {"hash", update.artifacts[0].sha256},
                  {"size", 1000}}));
  given.json_version = "ota.version";
  given.json_url = "ota.image.url";
  given.json_hash = "ota.image.md5";
  given.json_hash_kind = "md5";
  given.json_size = "";
  ASSERT_TRUE(check(given));
  EXPECT_EQ(offer_of(Asked(given, "/what")).want, std::vector<std::string>{"md5"});
  EXPECT_EQ(Json::parse(text(answer(Asked(given, "/what"), &update))),
            (Json{{"ota", {{"version", "1.0.1"}, {"image", {{"url", url}, {"md5", image_md5}}}}}}));
}

TEST(JsonDialect, NothingToDoAsTheOperatorSaid) {
  Profile given = json_profile();
  const auto nothing = [&](const char* way) {
    given.nothing_to_do = way;
    const Answer made = answer(Asked(given, "/what"), nullptr);
    return std::to_string(made.status) + (made.status == 200 ? " " + text(made) : "");
  };
  EXPECT_EQ(nothing("not-found"), "404");
  EXPECT_EQ(nothing("empty"), "200 {}");
  EXPECT_EQ(nothing("no-content"), "204");
  EXPECT_EQ(nothing("not-modified"), "304");
}

TEST(JsonDialect, FieldsThatCannotBe) {
  const auto refused = [](std::string Profile::*key, const char* value) {
    Profile given = json_profile();
    given.*key = value;
    return !check(given);
  };
  EXPECT_TRUE(refused(&Profile::json_url, ""));
  EXPECT_TRUE(refused(&Profile::json_url, "version"));
  EXPECT_TRUE(refused(&Profile::json_url, "version.url"));
  EXPECT_TRUE(refused(&Profile::json_hash, "a..b"));
  EXPECT_TRUE(refused(&Profile::json_hash, ".a"));
  EXPECT_TRUE(refused(&Profile::json_hash, "a b"));
  EXPECT_TRUE(refused(&Profile::json_size, "a.b.c.d.e.f.g.h.i"));
  EXPECT_TRUE(refused(&Profile::json_hash_kind, "crc32"));
  EXPECT_FALSE(refused(&Profile::json_size, "versions"));
  EXPECT_FALSE(refused(&Profile::json_hash, ""));
}

TEST(JsonDialect, AHostThatIsNoneIsNotRepeated) {
  const Profile given = json_profile();
  const Asked asked(given, "/what");
  const Offer update = offer({image()});
  EXPECT_EQ(answer_offer(asked.match, asked.request, &update, {"a/b", 80, ""}).status, 400);
  EXPECT_EQ(answer_offer(asked.match, asked.request, &update, {"", 80, ""}).status, 400);
  const Answer bare = answer_offer(asked.match, asked.request, &update, {"h", 8000, ""});
  EXPECT_EQ(Json::parse(text(bare))["url"], "http://h:8000/1.0.1/firmware_1.0.1.bin");
}

}  // namespace
}  // namespace ferry::dialects
