#include <gtest/gtest.h>

#include "transports/mqtt/executions.hpp"

namespace ferry::things {
namespace {

using formats::JobStatus;

plugin::Artifact artifact(const char* role, const char* name, const char* version) {
  plugin::Artifact made;
  made.role = role;
  made.name = name;
  made.version = version;
  if (std::string_view(role) == "file") made.dst_path = name;
  return made;
}

plugin::Offer offer(std::uint64_t delivery = 7, const char* version = "2.0") {
  plugin::Offer made;
  made.delivery = delivery;
  made.product = "tracker";
  made.version = version;
  made.artifacts = {artifact("firmware", "EG915 V2.pack", version),
                    artifact("file", "usr/a.py", version), artifact("file", "usr/b.py", version)};
  return made;
}

plugin::Offer image_only(std::uint64_t delivery, const char* version = "2.0") {
  plugin::Offer made = offer(delivery, version);
  made.artifacts.resize(1);
  return made;
}

Work work(const plugin::Offer& offer) {
  return work_of(offer, "http://192.168.4.1:8000/tracker/van-7");
}

Question says(JobStatus status) {
  Question question;
  question.status = status;
  return question;
}

std::string refusal(const Executions& executions, std::string_view job, const Question& question) {
  const auto refused = executions.check(job, question);
  return refused ? std::string(refused->code) : "";
}

TEST(Executions, AnOfferIsOneJobForItsImageAndOneForItsFiles) {
  const Work cut = work(offer());
  ASSERT_EQ(cut.parts.size(), 2U);
  EXPECT_EQ(cut.parts[0].job, "jobfota");
  EXPECT_EQ(
      cut.parts[0].document.dump(),
      R"([{"files":[{"fileName":"EG915 V2.pack","fileSource":{"fileId":0,"stream":"","url":"http://192.168.4.1:8000/tracker/van-7/2.0/EG915%20V2.pack"},"fileVersion":"2.0"}],"operation":"FOTA"}])");
  EXPECT_EQ(cut.parts[1].job, "jobappota");
  const auto& files = cut.parts[1].document[0];
  EXPECT_EQ(files["operation"], "app_fota");
  EXPECT_EQ(files["files"][1]["fileName"], "/usr/b.py");
}

TEST(Executions, WhatNoJobCanSayIsLeftOut) {
  plugin::Offer archive = offer();
  archive.artifacts = {artifact("archive", "all.tar", "2.0")};
  EXPECT_TRUE(work(archive).parts.empty());
  Executions executions;
  EXPECT_FALSE(executions.take(work(archive), 1));
  EXPECT_EQ(executions.pending(), nullptr);
}

TEST(Executions, TheSameOfferAgainChangesNothing) {
  Executions executions;
  EXPECT_TRUE(executions.take(work(offer()), 100));
  executions.apply("jobfota", says(JobStatus::in_progress), 101);
  EXPECT_FALSE(executions.take(work(offer()), 102));
  EXPECT_EQ(executions.find("jobfota")->status, JobStatus::in_progress);
  EXPECT_EQ(executions.find("jobfota")->state, 2U);
}

TEST(Executions, AnotherReleaseTakesTheirPlaceUnderTheSameNames) {
  Executions executions;
  executions.take(work(offer(7)), 100);
  EXPECT_TRUE(executions.take(work(offer(8, "3.0")), 200));
  EXPECT_EQ(executions.version(), "3.0");
  EXPECT_EQ(executions.find("jobfota")->number, 2U);
  EXPECT_EQ(executions.find("jobfota")->queued_at, 200);
  Question old = says(JobStatus::succeeded);
  old.number = 1;
  EXPECT_EQ(refusal(executions, "jobfota", old), "ResourceNotFound");
}

TEST(Executions, AfterAFailureTheSameReleaseComesAgainOnlyAsAnotherDelivery) {
  Executions executions;
  executions.take(work(image_only(7)), 100);
  executions.apply("jobfota", says(JobStatus::failed), 101);
  EXPECT_TRUE(executions.failed());
  EXPECT_FALSE(executions.take(work(image_only(7)), 102));
  EXPECT_EQ(executions.pending(), nullptr);
  EXPECT_TRUE(executions.take(work(image_only(8)), 103));
  EXPECT_EQ(executions.pending()->status, JobStatus::queued);
}

TEST(Executions, WhatWasBegunComesFirst) {
  Executions executions;
  executions.take(work(offer()), 100);
  EXPECT_EQ(executions.pending()->job, "jobfota");
  executions.apply("jobappota", says(JobStatus::in_progress), 101);
  EXPECT_EQ(executions.pending()->job, "jobappota");
  EXPECT_EQ(executions.pending()->started_at, 101);
}

TEST(Executions, AllPartsHaveToSucceed) {
  Executions executions;
  executions.take(work(offer()), 100);
  executions.apply("jobfota", says(JobStatus::succeeded), 101);
  EXPECT_FALSE(executions.succeeded());
  EXPECT_EQ(executions.pending()->job, "jobappota");
  executions.apply("jobappota", says(JobStatus::succeeded), 102);
  EXPECT_TRUE(executions.succeeded());
}

TEST(Executions, TheFailureOfOnePartTakesTheOtherBack) {
  Executions executions;
  executions.take(work(offer()), 100);
  executions.apply("jobfota", says(JobStatus::rejected), 101);
  EXPECT_EQ(executions.find("jobappota")->status, JobStatus::canceled);
  EXPECT_EQ(executions.pending(), nullptr);
}

TEST(Executions, UpdatesAreRefusedAsAwsDoes) {
  Executions executions;
  EXPECT_EQ(refusal(executions, "jobfota", says(JobStatus::succeeded)), "ResourceNotFound");
  executions.take(work(image_only(7)), 100);
  EXPECT_EQ(refusal(executions, "jobappota", says(JobStatus::succeeded)), "ResourceNotFound");
  EXPECT_EQ(refusal(executions, "jobfota", says(JobStatus::queued)), "InvalidStateTransition");
  Question expecting = says(JobStatus::in_progress);
  expecting.expected_state = 1;
  EXPECT_EQ(refusal(executions, "jobfota", expecting), "");
  executions.apply("jobfota", expecting, 101);
  EXPECT_EQ(refusal(executions, "jobfota", expecting), "VersionMismatch");
  executions.apply("jobfota", says(JobStatus::succeeded), 102);
  EXPECT_EQ(refusal(executions, "jobfota", says(JobStatus::failed)), "InvalidStateTransition");
}

TEST(Executions, WhatIsOfferedNoMoreIsTakenBack) {
  Executions executions;
  executions.take(work(image_only(7)), 100);
  executions.clear(101);
  EXPECT_EQ(executions.pending(), nullptr);
  EXPECT_EQ(refusal(executions, "jobfota", says(JobStatus::succeeded)), "InvalidStateTransition");
}

TEST(Executions, TheyAreWrittenAsAwsWritesThem) {
  Executions executions;
  executions.take(work(image_only(7)), 100);
  Question progress = says(JobStatus::in_progress);
  progress.details = R"({"progress":50})";
  executions.apply("jobfota", progress, 130);
  const auto described = describe(*executions.find("jobfota"), "van-7", false);
  EXPECT_EQ(described.dump(),
            R"({"executionNumber":1,"jobId":"jobfota","lastUpdatedAt":130,"queuedAt":100,)"
            R"("startedAt":130,"status":"IN_PROGRESS","statusDetails":{"progress":50},)"
            R"("thingName":"van-7","versionNumber":2})");
  EXPECT_TRUE(describe(*executions.find("jobfota"), "van-7", true).contains("jobDocument"));
}

}  // namespace
}  // namespace ferry::things
