// Jobs of a cloud, and that each that ends leaves exactly one report.
#include "tests/unit/storage/store_bench.hpp"

namespace ferry::storage::testing {
namespace {

using formats::JobStatus;

class JobStoreTest : public StoreTest {
 protected:
  void SetUp() override { open(); }
  static Job job(const std::string& thing, const std::string& id, const std::string& version) {
    return {"aws", thing, id, "pump", "device-" + thing, version, true};
  }
  std::size_t open_jobs() {
    const auto jobs = store->jobs().open("aws");
    EXPECT_OK(jobs);
    return jobs ? jobs->size() : 0;
  }
  std::vector<JobReport> reports() {
    const auto waiting = store->jobs().reports("aws", 100);
    EXPECT_OK(waiting);
    return waiting.value_or(std::vector<JobReport>());
  }
  Delivery delivery(const std::string& thing, const std::string& version, DeliveryState state) {
    Delivery made;
    made.device = "device-" + thing;
    made.product = "pump";
    made.version = version;
    made.state = state;
    made.cause = "test";
    return made;
  }
  Device device(const std::string& thing, const std::string& version) {
    Device made;
    made.id = "device-" + thing;
    made.product = "pump";
    made.version = version;
    return made;
  }
};

TEST_F(JobStoreTest, ADeliveryThatEndsEndsTheJobOfItsDeviceAndVersion) {
  ASSERT_OK(store->jobs().put(job("a", "1", "2.0")));
  ASSERT_OK(store->jobs().put(job("b", "2", "2.0")));
  ASSERT_OK(store->fleet().put(delivery("a", "1.0", DeliveryState::installed), {}));
  ASSERT_OK(store->fleet().put(delivery("a", "2.0", DeliveryState::transferring), {}));
  ASSERT_OK(store->fleet().put(delivery("a", "2.0", DeliveryState::unknown), {}));
  EXPECT_EQ(open_jobs(), 2U);
  EXPECT_EQ(store->jobs().added(), 0U);
  ASSERT_OK(store->fleet().put(delivery("a", "2.0", DeliveryState::installed), {}));
  EXPECT_EQ(open_jobs(), 1U);
  ASSERT_EQ(reports().size(), 1U);
  EXPECT_EQ(reports()[0].thing, "a");
  EXPECT_EQ(reports()[0].job, "1");
  EXPECT_EQ(reports()[0].status, JobStatus::succeeded);
  EXPECT_EQ(reports()[0].details, R"({"step":"installed"})");
  EXPECT_EQ(store->jobs().added(), 1U);
  // Told again, it is no second report.
  ASSERT_OK(store->fleet().put(delivery("a", "2.0", DeliveryState::installed), {}));
  EXPECT_EQ(reports().size(), 1U);
}

TEST_F(JobStoreTest, FailuresSayWhy) {
  for (const auto state :
       {DeliveryState::failed, DeliveryState::rolled_back, DeliveryState::cancelled}) {
    ASSERT_OK(store->jobs().put(job("a", "1", "2.0")));
    ASSERT_OK(store->fleet().put(delivery("a", "2.0", state), {}));
  }
  const auto told = reports();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[1].status, JobStatus::failed);
  EXPECT_EQ(told[1].details, R"({"reason":"test","step":"rolled_back"})");
}

TEST_F(JobStoreTest, ADeviceThatRunsTheVersionHasDoneItsJob) {
  ASSERT_OK(store->jobs().put(job("a", "1", "2.0")));
  ASSERT_OK(store->fleet().put(device("a", "1.0")));
  EXPECT_EQ(open_jobs(), 1U);
  ASSERT_OK(store->fleet().put(device("a", "2.0")));
  EXPECT_EQ(open_jobs(), 0U);
  // And one that did before it was given the job.
  ASSERT_OK(store->jobs().put(job("a", "2", "2.0")));
  EXPECT_EQ(open_jobs(), 0U);
  ASSERT_EQ(reports().size(), 2U);
  EXPECT_EQ(reports()[1].job, "2");
}

TEST_F(JobStoreTest, ReportsStayInOrderUntilTheyAreDoneWith) {
  for (const char* id : {"1", "2", "3"}) {
    ASSERT_OK(store->jobs().end(job("a", id, "2.0"), {JobStatus::rejected, "check", "bad\n", {}}));
  }
  open();
  auto told = reports();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0].job, "1");
  EXPECT_EQ(told[0].status, JobStatus::rejected);
  EXPECT_EQ(told[0].details, R"({"reason":"bad?","step":"check"})");
  ASSERT_OK(store->jobs().reported(told[0].sequence));
  told = reports();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].job, "2");
  EXPECT_EQ(store->jobs().reports("other", 10)->size(), 0U);
}

TEST_F(JobStoreTest, WhatWaitsToBeReportedIsCountedBySource) {
  EXPECT_TRUE(store->usage()->reports.empty());
  Job other = job("z", "9", "2.0");
  other.source = "other";
  ASSERT_OK(store->jobs().end(other, {JobStatus::succeeded, "held", "", from_unix_ms(7'000)}));
  ASSERT_OK(store->jobs().put(job("a", "1", "2.0")));
  Delivery installed = delivery("a", "2.0", DeliveryState::installed);
  installed.updated = from_unix_ms(5'000);
  ASSERT_OK(store->fleet().put(installed, {}));
  // After a power cut the clock reads 1970 again: the first is the oldest all the same.
  Device seen = device("b", "2.0");
  seen.last_seen = from_unix_ms(100);
  ASSERT_OK(store->fleet().put(seen));
  ASSERT_OK(store->jobs().put(job("b", "2", "2.0")));
  open();
  const auto usage = store->usage();
  ASSERT_OK(usage);
  EXPECT_EQ(usage->reports.at("aws").count, 2U);
  EXPECT_EQ(usage->reports.at("aws").oldest, from_unix_ms(5'000));
  EXPECT_EQ(usage->reports.at("other").count, 1U);
  ASSERT_OK(store->jobs().reported(reports()[0].sequence));
  EXPECT_EQ(store->usage()->reports.at("aws").oldest, from_unix_ms(100));
  EXPECT_EQ(store->usage()->reports_dropped, 0U);
}

TEST_F(JobStoreTest, TheOldestReportsMakeRoomAndAreCounted) {
  options.report_limit = 3;
  open();
  for (const char* id : {"1", "2", "3", "4", "5"}) {
    ASSERT_OK(store->jobs().end(job("a", id, "2.0"), {JobStatus::succeeded, "installed", "", {}}));
  }
  const auto told = reports();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told.front().job, "3");
  EXPECT_EQ(store->usage()->reports_dropped, 2U);
  // What was reported long ago takes no room.
  for (const auto& report : told) ASSERT_OK(store->jobs().reported(report.sequence));
  ASSERT_OK(store->jobs().end(job("a", "6", "2.0"), {JobStatus::succeeded, "installed", "", {}}));
  EXPECT_EQ(reports().size(), 1U);
  open();
  EXPECT_EQ(store->usage()->reports_dropped, 2U);
}

TEST_F(JobStoreTest, AThingHasOneJobAtATime) {
  ASSERT_OK(store->jobs().put(job("a", "1", "2.0")));
  ASSERT_OK(store->jobs().put(job("a", "2", "3.0")));
  ASSERT_EQ(open_jobs(), 1U);
  EXPECT_EQ(store->jobs().open("aws")->front().job, "2");
  ASSERT_OK(store->jobs().remove(job("a", "1", "2.0")));
  EXPECT_EQ(open_jobs(), 1U);
  ASSERT_OK(store->jobs().remove(job("a", "2", "3.0")));
  EXPECT_EQ(open_jobs(), 0U);
  EXPECT_TRUE(reports().empty());
}

}  // namespace
}  // namespace ferry::storage::testing
