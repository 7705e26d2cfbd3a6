#include <gmock/gmock.h>

#include "formats/cbor.hpp"
#include "transports/mqtt/stream.hpp"

namespace ferry::things {
namespace {

using formats::Json;
using testing::ElementsAre;

StreamTopic get(bool cbor = false) {
  StreamTopic topic;
  topic.thing = "a";
  topic.stream = "s";
  topic.get = true;
  topic.cbor = cbor;
  return topic;
}

std::string refusal_of(const StreamTopic& topic, std::string_view payload) {
  const auto question = parse_stream_question(topic, payload);
  return question ? "" : std::string(question.error().code);
}

std::vector<std::uint64_t> blocks(std::string_view payload, std::uint64_t length) {
  const auto question = parse_stream_question(get(), payload);
  if (!question) return {};
  const auto found = blocks_of(*question, length);
  return found ? *found : std::vector<std::uint64_t>();
}

TEST(StreamTopics, QuestionsAreKnownByTheirTopics) {
  const auto topic = parse_stream_topic("$aws/things/van-7/streams/0123abcd/get/cbor");
  ASSERT_TRUE(topic);
  EXPECT_EQ(topic->thing, "van-7");
  EXPECT_EQ(topic->stream, "0123abcd");
  EXPECT_TRUE(topic->get && topic->cbor);
  EXPECT_EQ(answer_topic(*topic, "data"), "$aws/things/van-7/streams/0123abcd/data/cbor");
  EXPECT_FALSE(parse_stream_topic("$aws/things/a/streams/s/describe/json")->get);
}

TEST(StreamTopics, WhateverElseIsNoQuestion) {
  for (const char* topic : {"$aws/things/a/streams/s/data/json", "$aws/things/a/streams/s/get/xml",
                            "$aws/things/a/streams/s/get", "$aws/things/a/streams/s/get/json/x",
                            "$aws/things/a/streams//get/json", "$aws/things/a b/streams/s/get/json",
                            "$aws/things/a/jobs/s/get/json", "a/b/c/d/e/f/g/h/i/j/k", ""}) {
    EXPECT_FALSE(parse_stream_topic(topic)) << topic;
  }
}

TEST(StreamQuestions, ABitmapNamesTheBlocksThatAreMissing) {
  // The example of AWS's guide: blocks 20, 21, 24 and 43.
  EXPECT_THAT(blocks(R"({"c":"1","s":1,"l":256,"f":0,"o":20,"n":32,"b":"0x130080"})", 100'000),
              ElementsAre(20, 21, 24, 43));
  EXPECT_THAT(blocks(R"({"l":256,"f":0,"o":20,"n":3,"b":"130080"})", 100'000),
              ElementsAre(20, 21, 24));
}

TEST(StreamQuestions, NoBitmapMeansAllFromTheFirstOn) {
  EXPECT_THAT(blocks(R"({"f":0,"l":1000,"o":2,"n":3})", 100'000), ElementsAre(2, 3, 4));
  EXPECT_THAT(blocks(R"({"f":"0","l":"60000","n":"1","o":"8"})", 500'000), ElementsAre(8));
}

TEST(StreamQuestions, NothingBeyondTheEndOrTheLimitOfOneAnswerIsSent) {
  EXPECT_THAT(blocks(R"({"f":0,"l":1000,"o":98,"n":30})", 99'001), ElementsAre(98, 99));
  EXPECT_EQ(blocks(R"({"f":0,"l":256,"n":100000})", 10'000'000).size(), 512U);
  EXPECT_EQ(blocks(R"({"f":0,"l":131072,"n":100000})", 10'000'000).size(), 1U);
  EXPECT_TRUE(blocks(R"({"f":0,"l":1000,"o":100})", 99'001).empty());
  EXPECT_TRUE(blocks(R"({"f":0,"l":1000,"b":""})", 99'001).empty());
  EXPECT_TRUE(blocks(R"({"f":0,"l":1000})", 0).empty());
}

TEST(StreamQuestions, InCborBitmapAndPayloadAreBytes) {
  Json asked = {{"f", 0}, {"l", 256}, {"o", 0}, {"n", 4}};
  asked["b"] = Json::binary({0x05});
  std::string payload;
  Json::to_cbor(asked, payload);
  const auto question = parse_stream_question(get(true), payload);
  ASSERT_TRUE(question);
  EXPECT_THAT(*blocks_of(*question, 10'000), ElementsAre(0, 2));
  const std::string data = written(get(true), data_message(get(true), *question, 2, "\x01\xFF"));
  const auto read =
      formats::parse_cbor(Bytes(reinterpret_cast<const std::byte*>(data.data()), data.size()), "");
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)["p"].get_binary(), (Json::binary_t({0x01, 0xFF})));
  EXPECT_EQ((*read)["i"], 2);
  EXPECT_EQ(written(get(), data_message(get(), *question, 2, "\x01\xFF")),
            R"({"f":0,"i":2,"l":2,"p":"Af8="})");
}

TEST(StreamQuestions, WhatBreaksTheFormIsRefusedByTheCodeThatAwsHasForIt) {
  EXPECT_EQ(refusal_of(get(), "{"), "InvalidJson");
  EXPECT_EQ(refusal_of(get(true), "\xFF"), "InvalidCbor");
  EXPECT_EQ(refusal_of(get(), "[]"), "InvalidRequest");
  EXPECT_EQ(refusal_of(get(), R"({"l":256})"), "InvalidRequest");
  EXPECT_EQ(refusal_of(get(), R"({"f":0,"l":-256})"), "InvalidRequest");
  EXPECT_EQ(refusal_of(get(), R"({"f":0,"l":255})"), "BlockSizeOutOfBounds");
  EXPECT_EQ(refusal_of(get(), R"({"f":0,"l":131073})"), "BlockSizeOutOfBounds");
  EXPECT_EQ(refusal_of(get(), R"({"f":0})"), "BlockSizeOutOfBounds");
  EXPECT_EQ(refusal_of(get(), R"({"f":0,"l":256,"o":18446744073709551615})"), "OffsetOutOfBounds");
  EXPECT_EQ(refusal_of(get(), R"({"f":0,"l":256,"n":0})"), "BlockCountLimitExceeded");
  EXPECT_EQ(refusal_of(get(), R"({"f":0,"l":256,"b":"xyz"})"), "InvalidRequest");
  EXPECT_EQ(refusal_of(get(), R"({"f":0,"l":256,"b":5})"), "InvalidRequest");
  EXPECT_EQ(refusal_of(get(), R"({"c":")" + std::string(65, 'c') + R"(","f":0,"l":256})"),
            "InvalidRequest");
}

}  // namespace
}  // namespace ferry::things
