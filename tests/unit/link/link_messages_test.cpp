// What agent and host say to each other: every message there and back, and what is refused.
#include "formats/link_messages.hpp"

#include <gtest/gtest.h>

#include "formats/json.hpp"

namespace ferry::formats::link {
namespace {

DeviceClaim device() {
  DeviceClaim claim{"meter-1", "meter", "1.0.1", "10.0.0.7:51324", true};
  claim.image = "00ff";
  claim.staged = "11";
  claim.image_state = ImageState::on_trial;
  claim.battery = 87;
  claim.signal = -71;
  claim.version_lasts = true;
  return claim;
}

ServableArtifact artifact() {
  ServableArtifact value;
  value.role = Role::file;
  value.version = "1.0.2";
  value.name = "flash/lib/n.py";
  value.dst_path = "flash/lib/n.py";
  value.size = 5'000'000'000;
  value.sha256 = Sha256::of(as_bytes("content"));
  value.chunk_root = Sha256::of(as_bytes("chunks"));
  value.pack = "abc.pack";
  value.digests = {{"sha1", "00ff"}, {"sha256+4-512", "11"}};
  return value;
}

std::vector<FromHost> all_from_host() {
  const Sha256 sha256 = Sha256::of(as_bytes("content"));
  return {Hello{1, "http"},
          LinkState{"listening", "127.0.0.1:8000"},
          Seen{device()},
          AskOffer{7, device(), {"sha1", "md5+4"}},
          AskArtifact{8, "meter", "1.0.2", "flash/lib/n.py"},
          Progress{device(), sha256, 4096, 512},
          Outcome{9, device(), 77, OutcomeKind::failed, "out of space"},
          Corrupt{"abc.pack", "chunk 3"},
          Pong{},
          AskStep{10, device(), {"mcuboot"}},
          PortClosed{"/dev/ttyUSB0"},
          Counted{3, 1, 5'000'000'000},
          AskMirror{11, "cloud/metadata/1.root.json"}};
}

std::vector<FromAgent> all_from_agent() {
  Offer offer{77, "meter", "1.0.2", "1.0.1", {artifact(), artifact()}, true, {}};
  offer.base_files.push_back({"main.py", Sha256::of(as_bytes("base"))});
  return {
      Settings{
          "wifi", "info", {{"listen", "0.0.0.0:80"}}, {{{"name", "meter"}, {"dialect", "pycom"}}}},
      OfferReply{7, 0, offer},
      OfferReply{7, 1, std::nullopt},
      ArtifactReply{8, 0, artifact()},
      ArtifactReply{8, 3, std::nullopt},
      OutcomeReply{9, 0},
      Changed{},
      Withdrawn{"abc.pack"},
      Ping{},
      Stop{},
      StepReply{10, 0, StepKind::activate, 512, offer},
      StepReply{10, 1, StepKind::transfer, 0, std::nullopt},
      Cancel{77},
      Port{"/dev/ttyUSB0"},
      MirrorReply{11, 1, std::nullopt, std::nullopt},
      MirrorReply{11, 0, artifact(), std::nullopt},
      MirrorReply{11, 0, std::nullopt, Document{512, Sha256::of(as_bytes("root"))}}};
}

TEST(LinkMessages, EveryMessageOfAHostComesBackAsItWas) {
  for (const FromHost& message : all_from_host()) {
    const std::string text = write(message);
    const auto parsed = parse_from_host(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->index(), message.index());
    EXPECT_EQ(write(*parsed), text);
  }
}

TEST(LinkMessages, EveryMessageOfTheAgentComesBackAsItWas) {
  for (const FromAgent& message : all_from_agent()) {
    const std::string text = write(message);
    const auto parsed = parse_from_agent(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->index(), message.index());
    EXPECT_EQ(write(*parsed), text);
  }
}

// Takes away, adds to and spoils each key of each message, at every depth.
template <typename Parse>
void spoil(const std::string& text, Parse parse) {
  const Json whole = Json::parse(text);
  const auto refused = [&](const Json& json) {
    const auto parsed = parse(json.dump());
    EXPECT_FALSE(parsed) << json.dump();
  };
  const Json flat = whole.flatten();
  for (const auto& [path, value] : flat.items()) {
    if (value.is_null() || value.empty()) continue;
    const Json::json_pointer pointer(path);
    Json spoilt = whole;
    spoilt[pointer] = Json::array({1});
    refused(spoilt);
    if (!whole[pointer.parent_pointer()].is_object()) continue;
    // Keys of maps (settings, digests) may be any; those of messages are fixed.
    if (path.find("/values/") != path.npos || path.find("/products/") != path.npos ||
        path.find("/digests/") != path.npos) {
      continue;
    }
    spoilt = whole;
    spoilt[pointer.parent_pointer()].erase(pointer.back());
    refused(spoilt);
    spoilt = whole;
    spoilt[pointer.parent_pointer()]["surprise"] = 1;
    refused(spoilt);
  }
}

TEST(LinkMessages, AKeyMissingMoreOrOfAnotherTypeIsRefused) {
  for (const FromHost& message : all_from_host()) spoil(write(message), parse_from_host);
  for (const FromAgent& message : all_from_agent()) spoil(write(message), parse_from_agent);
}

TEST(LinkMessages, ADirectionDoesNotSpeakTheOthersMessages) {
  for (const FromHost& message : all_from_host()) EXPECT_FALSE(parse_from_agent(write(message)));
  for (const FromAgent& message : all_from_agent()) EXPECT_FALSE(parse_from_host(write(message)));
}

TEST(LinkMessages, WhatIsNoMessageIsRefused) {
  for (const std::string_view text : {"", "null", "[]", "{}", "{\"type\":1}", "{\"type\":\"x\"}",
                                      "\xff", "{\"type\":\"pong\"", "{\"type\":\"pong\"}x"}) {
    EXPECT_FALSE(parse_from_host(text)) << text;
    EXPECT_FALSE(parse_from_agent(text)) << text;
  }
}

std::string seen_with(const char* key, const std::string& value) {
  Json json = Json::parse(write(FromHost(Seen{device()})));
  json["device"][key] = value;
  return json.dump();
}

TEST(LinkMessages, TextsOfDevicesAreBounded) {
  EXPECT_TRUE(parse_from_host(seen_with("id", std::string(longest_id, 'x'))));
  EXPECT_FALSE(parse_from_host(seen_with("id", std::string(longest_id + 1, 'x'))));
  EXPECT_FALSE(parse_from_host(seen_with("id", "")));
  EXPECT_FALSE(parse_from_host(seen_with("id", "a\nb")));
  EXPECT_FALSE(parse_from_host(seen_with("product", "../x")));
  EXPECT_FALSE(parse_from_host(seen_with("version", std::string(longest_id + 1, '1'))));
  EXPECT_FALSE(parse_from_host(seen_with("address", std::string(longest_address + 1, '1'))));
}

TEST(LinkMessages, APackIsANameAndNoPath) {
  for (const std::string_view pack : {"../catalog.db", "/etc/passwd", "a/b", "", ".hidden"}) {
    EXPECT_FALSE(parse_from_agent(write(FromAgent(Withdrawn{std::string(pack)})))) << pack;
    EXPECT_FALSE(parse_from_host(write(FromHost(Corrupt{std::string(pack), ""})))) << pack;
  }
}

TEST(LinkMessages, DeepNestingIsRefused) {
  EXPECT_FALSE(parse_from_host(std::string(100000, '[')));
  EXPECT_FALSE(parse_from_host("{\"type\":" + std::string(100000, '[')));
}

TEST(LinkMessages, TextThatIsNotUtf8IsSentReadably) {
  const auto parsed = parse_from_host(write(FromHost(LinkState{"failed", "caf\xe9"})));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(std::get<LinkState>(*parsed).detail, "caf\xef\xbf\xbd");
}

TEST(LinkMessages, DigestKindsAreShortAndPlain) {
  for (const std::string_view kind :
       {"sha1", "md5", "sha256", "sha256+4-512", "sha256/skip-last"}) {
    EXPECT_TRUE(is_digest_kind(kind)) << kind;
  }
  for (const std::string_view kind :
       {"", "SHA1", "md5 ", "a'b", "sha256+4-512sha256+4-512sha256+4-512"}) {
    EXPECT_FALSE(is_digest_kind(kind)) << kind;
  }
}

}  // namespace
}  // namespace ferry::formats::link
