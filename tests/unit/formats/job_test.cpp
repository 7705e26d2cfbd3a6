#include <gtest/gtest.h>

#include "formats/job_document.hpp"
#include "formats/job_messages.hpp"

namespace ferry::formats {
namespace {

std::string file(const std::string& name, const std::string& version, const std::string& url) {
  return R"({"fileName":")" + name + R"(","fileVersion":")" + version +
         R"(","fileSource":{"url":")" + url + "\"}}";
}

std::string operation(const std::string& kind, const std::string& files) {
  return R"({"operation":")" + kind + R"(","files":[)" + files + "]}";
}

std::string why_not(const std::string& document) {
  const auto parsed = parse_job_document(document);
  return parsed ? "" : parsed.error().message;
}

const std::string url = "https://bucket.example/a?X-Amz-Expires=3600&X-Amz-Signature=0f";

TEST(JobDocument, AnImageOfFota) {
  const auto job = parse_job_document(
      "[" + operation("FOTA", file("EG915_V2-V3.pack", "EG915R03_QPY", url)) + "]");
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->version, "EG915R03_QPY");
  ASSERT_EQ(job->files.size(), 1U);
  EXPECT_EQ(job->files[0].role, Role::firmware);
  EXPECT_EQ(job->files[0].path, "EG915_V2-V3.pack");
  EXPECT_EQ(job->files[0].url, url);
}

TEST(JobDocument, FilesOfAppFotaLieBelowTheRoot) {
  const auto job = parse_job_document(
      "[" +
      operation("app_fota", file("/usr/a.py", "2.0", url) + "," + file("usr/b.py", "2.0", url)) +
      "]");
  ASSERT_TRUE(job) << job.error().message;
  ASSERT_EQ(job->files.size(), 2U);
  EXPECT_EQ(job->files[0].role, Role::file);
  EXPECT_EQ(job->files[0].path, "usr/a.py");
  EXPECT_EQ(job->files[1].path, "usr/b.py");
}

TEST(JobDocument, ATemplatesPlaceholderIsRefusedByItsName) {
  const std::string placeholder = "${aws:iot:s3-presigned-url:https://bucket.example/a}";
  const std::string why = why_not("[" + operation("FOTA", file("a", "1", placeholder)) + "]");
  EXPECT_NE(why.find("${aws:iot:s3-presigned-url"), std::string::npos) << why;
}

TEST(JobDocument, NothingButHttpsToAHost) {
  for (const char* bad : {"http://h/a", "ftp://h/a", "file:///etc/passwd", "https://", "https:///a",
                          "https://user:word@h/a", "https://h/a b", "", "HTTPS://h/a"}) {
    EXPECT_NE(why_not("[" + operation("FOTA", file("a", "1", bad)) + "]"), "") << bad;
  }
}

TEST(JobDocument, PathsAreCleanAndStandOnce) {
  for (const char* bad :
       {"", "/", "//usr/a", "/usr/../a", "..", "/usr//a", "/usr/a/", "a\\\\b", "/usr/\\u0000"}) {
    EXPECT_NE(why_not("[" + operation("app_fota", file(bad, "1", url)) + "]"), "") << bad;
  }
  EXPECT_NE(
      why_not("[" + operation("app_fota", file("/a", "1", url) + "," + file("a", "1", url)) + "]"),
      "");
  EXPECT_NE(
      why_not("[" + operation("app_fota", file("/a", "1", url) + "," + file("/a/b", "1", url)) +
              "]"),
      "");
}

TEST(JobDocument, OneImageAndOneVersion) {
  EXPECT_NE(why_not("[" + operation("FOTA", file("a", "1", url) + "," + file("b", "1", url)) + "]"),
            "");
  EXPECT_NE(
      why_not("[" + operation("app_fota", file("a", "1", url) + "," + file("b", "2", url)) + "]"),
      "");
  EXPECT_NE(why_not("[" + operation("app_fota", file("a", "a b", url)) + "]"), "");
  EXPECT_EQ(why_not("[" + operation("FOTA", file("i", "1", url)) + "," +
                    operation("app_fota", file("a", "1", url)) + "]"),
            "");
}

TEST(JobDocument, WhatIsNoneIsRefused) {
  for (const char* bad :
       {"", "{}", "[]", "null", "[1]", "[{}]", R"([{"operation":"reboot","files":[]}])",
        R"([{"operation":"FOTA"}])", R"([{"operation":"FOTA","files":[]}])",
        R"([{"operation":"FOTA","files":[{"fileName":"a","fileVersion":"1"}]}])",
        R"([{"operation":"FOTA","files":[{"fileName":"a","fileVersion":1}]}])",
        R"([[[[[[[[[[]]]]]]]]]])"}) {
    EXPECT_NE(why_not(bad), "") << bad;
  }
  std::string many = file("f0", "1", url);
  for (std::size_t i = 1; i <= job_file_limit; ++i)
    many += "," + file("f" + std::to_string(i), "1", url);
  EXPECT_NE(why_not("[" + operation("app_fota", many) + "]"), "");
  EXPECT_NE(
      why_not("[" + operation("FOTA", file("a", "1", url + std::string(job_url_limit, 'x'))) + "]"),
      "");
}

TEST(JobMessages, AnExecutionWithItsDocument) {
  const auto answer = parse_job_answer(
      R"({"clientToken":"t","execution":{"jobId":"job-1","status":"IN_PROGRESS","versionNumber":7,)"
      R"("jobDocument":[{"operation":"FOTA"}]},"timestamp":1})");
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_TRUE(answer->execution);
  EXPECT_EQ(answer->token, "t");
  EXPECT_EQ(answer->execution->job, "job-1");
  EXPECT_EQ(answer->execution->status, JobStatus::in_progress);
  EXPECT_EQ(answer->execution->version, 7U);
  EXPECT_EQ(answer->execution->document, R"([{"operation":"FOTA"}])");
}

TEST(JobMessages, NoExecutionIsNoJob) {
  EXPECT_FALSE(parse_job_answer(R"({"timestamp":1})")->execution);
  EXPECT_FALSE(parse_job_answer(R"({"execution":{},"timestamp":1})")->execution);
}

TEST(JobMessages, IdsThatWouldChangeATopicAreRefused) {
  for (const char* job : {"", "a/b", "+", "#", "a b", "$next"}) {
    const std::string text = std::string(R"({"execution":{"jobId":")") + job +
                             R"(","status":"QUEUED","versionNumber":1}})";
    EXPECT_FALSE(parse_job_answer(text)) << job;
  }
}

TEST(JobMessages, RefusalsByTheirCode) {
  const auto error = [](const std::string& code) {
    return parse_job_refusal(R"({"code":")" + code + R"(","message":"m"})")->error;
  };
  EXPECT_EQ(error("VersionMismatch"), JobError::version_mismatch);
  EXPECT_EQ(error("InvalidStateTransition"), JobError::invalid_transition);
  EXPECT_EQ(error("TerminalStateReached"), JobError::invalid_transition);
  EXPECT_EQ(error("ResourceNotFound"), JobError::not_found);
  EXPECT_EQ(error("RequestThrottled"), JobError::throttled);
  EXPECT_EQ(error("InvalidJson"), JobError::other);
  EXPECT_EQ(parse_job_refusal(R"({"code":"InvalidJson","message":"m"})")->text, "InvalidJson: m");
  EXPECT_FALSE(parse_job_refusal(R"({"message":"m"})"));
}

TEST(JobMessages, AnUpdateSaysWhichStateItIsMeantFor) {
  const JobUpdate update{JobStatus::succeeded, R"({"step":"installed"})", 3};
  EXPECT_EQ(write_job_update("t", update),
            R"({"clientToken":"t","expectedVersion":3,"includeJobExecutionState":true,)"
            R"("status":"SUCCEEDED","statusDetails":{"step":"installed"}})");
  EXPECT_EQ(
      parse_job_updated(R"({"executionState":{"versionNumber":4},"clientToken":"t"})")->version,
      4U);
}

TEST(JobMessages, DetailsAreAsAwsTakesThem) {
  EXPECT_EQ(job_detail(""), "-");
  EXPECT_EQ(job_detail("a\nb\x01\xff"), "a?b??");
  EXPECT_EQ(job_detail(std::string(2000, 'x')).size(), job_detail_limit);
  EXPECT_EQ(job_detail("\xC2\x85z"), "?z");
}

}  // namespace
}  // namespace ferry::formats
