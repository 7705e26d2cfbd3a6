#include <gtest/gtest.h>

#include "transports/mqtt/question.hpp"

namespace ferry::things {
namespace {

using formats::JobStatus;

std::string refusal_of(Ask ask, std::string_view payload) {
  const auto question = parse_question(ask, payload);
  return question ? "" : std::string(question.error().code);
}

TEST(ThingTopics, QuestionsAreKnownByTheirTopics) {
  const auto list = parse_topic("$aws/things/van:7/jobs/get");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->ask, Ask::list);
  EXPECT_EQ(list->thing, "van:7");
  const auto next = parse_topic("$aws/things/a/jobs/$next/get");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->ask, Ask::describe);
  EXPECT_EQ(next->job, next_job);
  const auto start = parse_topic("$aws/things/a/jobs/start-next");
  ASSERT_TRUE(start);
  EXPECT_EQ(start->ask, Ask::start_next);
  const auto update = parse_topic("$aws/things/a/jobs/jobfota/update");
  ASSERT_TRUE(update);
  EXPECT_EQ(update->ask, Ask::update);
  EXPECT_EQ(update->job, "jobfota");
  EXPECT_EQ(jobs_topic("a", path_of(*update) + "/accepted"),
            "$aws/things/a/jobs/jobfota/update/accepted");
}

TEST(ThingTopics, WhateverElseIsNoQuestion) {
  const std::string long_thing(129, 'a');
  for (const std::string& topic :
       {std::string("$aws/things/a/jobs/get/accepted"), std::string("$aws/things/a/jobs/notify"),
        std::string("$aws/things/a/jobs/a/b/get"), std::string("$aws/things/a/jobs/"),
        std::string("$aws/things/a/jobs"), std::string("$aws/things//jobs/get"),
        std::string("$aws/things/a b/jobs/get"), std::string("$aws/things/../jobs/get"),
        std::string("$aws/things/a/jobs/$next/update"), std::string("$aws/things/a/jobs/x y/get"),
        std::string("$aws/things/a/shadow/get"), std::string("things/a/jobs/get"), std::string(),
        "$aws/things/" + long_thing + "/jobs/get"}) {
    EXPECT_FALSE(parse_topic(topic)) << topic;
  }
}

TEST(ThingQuestions, NothingAtAllAsksAsWell) {
  const auto question = parse_question(Ask::describe, "");
  ASSERT_TRUE(question);
  EXPECT_TRUE(question->with_document);
  EXPECT_EQ(question->token, "");
  EXPECT_TRUE(parse_question(Ask::list, R"({"key":0})"));
}

TEST(ThingQuestions, AnUpdateIsReadAsDevicesInTheFieldWriteIt) {
  const auto update = parse_question(
      Ask::update,
      R"({"status":"IN_PROGRESS","statusDetails":{"progress":50,"step":"downloading"}})");
  ASSERT_TRUE(update);
  EXPECT_EQ(update->status, JobStatus::in_progress);
  EXPECT_EQ(update->details, R"({"progress":50,"step":"downloading"})");
  EXPECT_FALSE(update->with_document);
  EXPECT_FALSE(update->expected_state);
}

TEST(ThingQuestions, NumbersMayBeTexts) {
  const auto update = parse_question(
      Ask::update, R"({"status":"FAILED","expectedVersion":"2","executionNumber":7})");
  ASSERT_TRUE(update);
  EXPECT_EQ(update->expected_state, 2U);
  EXPECT_EQ(update->number, 7U);
}

TEST(ThingQuestions, WhatBreaksTheFormIsRefusedByTheCodeThatAwsHasForIt) {
  EXPECT_EQ(parse_question(Ask::update, R"({"clientToken":"t"})").error().token, "t");
  EXPECT_EQ(refusal_of(Ask::update, ""), "InvalidJson");
  EXPECT_EQ(refusal_of(Ask::list, "{"), "InvalidJson");
  EXPECT_EQ(refusal_of(Ask::list, "\xFF"), "InvalidJson");
  EXPECT_EQ(refusal_of(Ask::list, std::string(20, '[') + std::string(20, ']')), "InvalidJson");
  EXPECT_EQ(refusal_of(Ask::list, "[]"), "InvalidRequest");
  EXPECT_EQ(refusal_of(Ask::list, R"({"clientToken":1})"), "InvalidRequest");
  EXPECT_EQ(refusal_of(Ask::list, R"({"clientToken":")" + std::string(65, 't') + "\"}"),
            "InvalidRequest");
  EXPECT_EQ(refusal_of(Ask::describe, R"({"executionNumber":-1})"), "InvalidRequest");
  EXPECT_EQ(refusal_of(Ask::describe, R"({"includeJobDocument":"yes"})"), "InvalidRequest");
  EXPECT_EQ(refusal_of(Ask::update, "{}"), "InvalidRequest");
  EXPECT_EQ(refusal_of(Ask::update, R"({"status":"REMOVED"})"), "InvalidRequest");
  EXPECT_EQ(refusal_of(Ask::update, R"({"status":"FAILED","statusDetails":[1]})"),
            "InvalidRequest");
  EXPECT_EQ(refusal_of(Ask::update, R"({"status":"FAILED","statusDetails":{"a":")" +
                                        std::string(5000, 'x') + "\"}}"),
            "InvalidRequest");
}

}  // namespace
}  // namespace ferry::things
