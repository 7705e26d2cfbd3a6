#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/json.hpp"
#include "formats/release.hpp"

namespace ferry::formats {
namespace {

using testing::HasSubstr;

Index two_releases() {
  Index index;
  index.sequence = 12;
  for (const char* version : {"1.0.0", "1.0.1"}) {
    IndexEntry entry;
    entry.product = "meter";
    entry.version = version;
    entry.channel = "stable";
    entry.document = std::string("releases/meter/stable/") + version + ".json";
    entry.size = 400;
    entry.sha256 = Sha256::of(as_bytes(version));
    index.releases.push_back(entry);
  }
  return index;
}

TEST(Index, SurvivesWritingAndReading) {
  const Result<Index> again = parse_index(write_index(two_releases()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->sequence, 12U);
  ASSERT_EQ(again->releases.size(), 2U);
  EXPECT_EQ(write_index(*again), write_index(two_releases()));
}

TEST(Index, MayBeEmpty) {
  Index index;
  index.sequence = 1;
  EXPECT_TRUE(parse_index(write_index(index)));
}

TEST(Index, SaysWhatIsUrgent) {
  Index index = two_releases();
  index.releases[1].urgent = true;
  const Result<Index> again = parse_index(write_index(index));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->releases[0].urgent);
  EXPECT_TRUE(again->releases[1].urgent);
}

TEST(Index, RefusesHostileValues) {
  const Json good = Json::parse(write_index(two_releases()));
  const auto refused = [&](const Json::json_pointer& where, const Json& value) {
    Json json = good;
    json[where] = value;
    return !parse_index(json.dump());
  };
  using Pointer = Json::json_pointer;
  EXPECT_TRUE(refused(Pointer("/format"), "ferry-release/1"));
  EXPECT_TRUE(refused(Pointer("/sequence"), 0));
  EXPECT_TRUE(refused(Pointer("/sequence"), -1));
  EXPECT_TRUE(refused(Pointer("/sequence"), 9223372036854775808U));
  EXPECT_TRUE(refused(Pointer("/sequence"), "1"));
  EXPECT_TRUE(refused(Pointer("/releases"), Json::object()));
  EXPECT_TRUE(refused(Pointer("/releases/0"), "text"));
  EXPECT_TRUE(refused(Pointer("/releases/0/product"), "../meter"));
  EXPECT_TRUE(refused(Pointer("/releases/0/version"), ""));
  EXPECT_TRUE(refused(Pointer("/releases/0/channel"), "a/b"));
  EXPECT_TRUE(refused(Pointer("/releases/0/document"), "/etc/passwd"));
  EXPECT_TRUE(refused(Pointer("/releases/0/document"), "//evil/x"));
  EXPECT_TRUE(refused(Pointer("/releases/0/document"), "x?y=1"));
  EXPECT_TRUE(refused(Pointer("/releases/0/size"), 0));
  EXPECT_TRUE(refused(Pointer("/releases/0/size"), document_size_limit + 1));
  EXPECT_TRUE(refused(Pointer("/releases/0/sha256"), "00"));
  EXPECT_TRUE(refused(Pointer("/releases/1"), good["releases"][0]));
  EXPECT_TRUE(refused(Pointer("/releases/0/urgent"), "yes"));
  EXPECT_FALSE(refused(Pointer("/later"), "key"));
}

TEST(Envelope, SurvivesWritingAndReading) {
  Envelope envelope;
  envelope.payload_type = std::string(index_payload_type);
  envelope.payload = std::string("a\0b", 3);
  envelope.signatures = {{"0123456789abcdef", std::string(64, '\xfe')}, {"", std::string(64, 'x')}};
  const Result<Envelope> again = parse_envelope(write_envelope(envelope));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->payload_type, envelope.payload_type);
  EXPECT_EQ(again->payload, envelope.payload);
  ASSERT_EQ(again->signatures.size(), 2U);
  EXPECT_EQ(again->signatures[0].key_id, "0123456789abcdef");
  EXPECT_EQ(again->signatures[0].signature, envelope.signatures[0].signature);
}

// The example of the DSSE protocol's document.
TEST(Envelope, SignsThePreAuthenticationEncoding) {
  Envelope envelope;
  envelope.payload_type = "http://example.com/HelloWorld";
  envelope.payload = "hello world";
  EXPECT_EQ(signed_bytes(envelope), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

TEST(Envelope, ReadsBothAlphabetsOfBase64) {
  const Result<Envelope> envelope =
      parse_envelope(R"({"payloadType":"t","payload":"--__","signatures":[]})");
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->payload, "\xfb\xef\xff");
}

TEST(Envelope, RefusesHostileValues) {
  for (const char* bad : {
           R"([])",
           R"({"payloadType":"t","payload":"YQ==","signatures":{}})",
           R"({"payloadType":"t","payload":"YQ","signatures":[]})",
           R"({"payloadType":"t","payload":"YR==","signatures":[]})",
           R"({"payloadType":"t","payload":"Y Q=","signatures":[]})",
           R"({"payloadType":1,"payload":"YQ==","signatures":[]})",
           R"({"payload":"YQ==","signatures":[]})",
           R"({"payloadType":"t","signatures":[]})",
           R"({"payloadType":"t","payload":"YQ==","signatures":[1]})",
           R"({"payloadType":"t","payload":"YQ==","signatures":[{"keyid":"a"}]})",
           R"({"payloadType":"t","payload":"YQ==","signatures":[{"sig":"!"}]})",
           R"({"payloadType":"t","payload":"YQ==","payload":"Yg==","signatures":[]})",
       }) {
    EXPECT_FALSE(parse_envelope(bad)) << bad;
  }
  Json many = Json::parse(R"({"payloadType":"t","payload":"YQ==","signatures":[]})");
  for (int i = 0; i < 17; ++i) many["signatures"].push_back(Json{{"sig", "YQ=="}});
  EXPECT_THAT(parse_envelope(many.dump()).error().message, HasSubstr("signatures"));
}

}  // namespace
}  // namespace ferry::formats
