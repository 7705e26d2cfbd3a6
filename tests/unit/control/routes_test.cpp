#include "agent/control/routes.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace ferry::control {
namespace {

// Remembers what it was asked.
class Asked final : public ControlRequests {
 public:
  Json status() override { return {{"gateway", "van"}}; }
  Json sources() override { return Json::array({"source"}); }
  Json releases() override { return Json::array({"release"}); }
  Json devices() override {
    return Json::array({Json{{"id", "a"}}, Json{{"id", "b/c"}}, Json{{"id", 7}}});
  }
  Json deliveries() override { return Json::array({"delivery"}); }
  Json wakes() override { return Json::array({"wake"}); }
  Result<Json> sync(const std::string& source) override {
    synced = source;
    if (error) return fail(*error, "why");
    return Json{{"sources", Json::array()}};
  }
  Result<Json> assign(const Assignment& assignment) override {
    assigned = assignment;
    return Json{{"id", assignment.device}};
  }

  Result<Json> order(std::uint64_t delivery, DeliveryOrder order) override {
    ordered = {delivery, order};
    if (error) return fail(*error, "why");
    return Json{{"id", delivery}};
  }
  Result<std::uint64_t> newest_delivery(const std::string&, const std::string&) override {
    return 7;
  }
  Result<Json> order_release(const std::string& product, const std::string& version,
                             ReleaseOrder order) override {
    if (order == ReleaseOrder::retry) retried = product + " " + version;
    released = {product + " " + version, order};
    return Json{{"version", version}};
  }
  Result<Json> test_monitor() override { return Json{{"run", 3}}; }
  std::string metrics() override { return "# EOF\n"; }

  std::optional<std::pair<std::uint64_t, DeliveryOrder>> ordered;
  std::string retried;
  std::optional<std::pair<std::string, ReleaseOrder>> released;
  std::optional<std::string> synced;
  std::optional<Assignment> assigned;
  std::optional<ErrorCode> error;
};

class RoutesTest : public testing::Test {
 protected:
  Answer get(std::string_view target) { return answer("GET", target, "", asked); }
  Answer post(std::string_view target, std::string_view body) {
    return answer("POST", target, body, asked);
  }
  Asked asked;
};

TEST_F(RoutesTest, EachListHasItsPlace) {
  EXPECT_EQ(get("/v1/status").body["gateway"], "van");
  EXPECT_EQ(get("/v1/sources").body[0], "source");
  EXPECT_EQ(get("/v1/releases").body[0], "release");
  EXPECT_EQ(get("/v1/deliveries").body[0], "delivery");
  EXPECT_EQ(get("/v1/wakes").body[0], "wake");
  EXPECT_EQ(get("/v1/devices").body.size(), 3U);
  EXPECT_TRUE(get("/v1/watch").watch);
}

TEST_F(RoutesTest, ReleasesArePinnedAndEvicted) {
  EXPECT_EQ(post("/v1/releases/pump/1.0/pin", "").status, 200U);
  EXPECT_EQ(asked.released, std::pair(std::string("pump 1.0"), ReleaseOrder::pin));
  EXPECT_EQ(post("/v1/releases/pump/1.0/evict", "").status, 200U);
  EXPECT_EQ(asked.released->second, ReleaseOrder::evict);
  EXPECT_EQ(get("/v1/releases/pump/1.0/evict").status, 405U);
  EXPECT_EQ(post("/v1/releases/pump/1.0/burn", "").status, 404U);
}

TEST_F(RoutesTest, TheMonitorIsTested) {
  EXPECT_EQ(post("/v1/monitor/test", "").body["run"], 3);
  EXPECT_EQ(get("/v1/monitor/test").status, 405U);
  EXPECT_EQ(post("/v1/monitor/burn", "").status, 404U);
}

TEST_F(RoutesTest, OneDeviceByItsEncodedId) {
  EXPECT_EQ(get("/v1/devices/a").body["id"], "a");
  EXPECT_EQ(get("/v1/devices/b%2Fc").body["id"], "b/c");
  EXPECT_EQ(get("/v1/devices/b%2fc").status, 200U);
  EXPECT_EQ(get("/v1/devices/7").status, 404U);
}

TEST_F(RoutesTest, WhatIsNotThereIsNotFound) {
  for (const char* target :
       {"", "/", "v1/status", "/v1", "/v1/", "/v1/status/", "/v2/status", "/v1/none", "/v1//status",
        "/v1/status?x=1", "/v1/devices/a/b", "/v1/devices/%zz", "/v1/devices/%2",
        "/v1/devices/a/assign/x", "http://x/v1/status", "*"}) {
    EXPECT_EQ(get(target).status, 404U) << target;
    EXPECT_EQ(get(target).body["error"]["code"], "not-found") << target;
  }
}

TEST_F(RoutesTest, WrongMethodsNameTheRightOne) {
  EXPECT_EQ(get("/v1/sync").status, 405U);
  EXPECT_EQ(get("/v1/sync").allow, "POST");
  EXPECT_EQ(get("/v1/devices/a/assign").allow, "POST");
  for (const char* target : {"/v1/status", "/v1/watch", "/v1/devices/a"}) {
    EXPECT_EQ(post(target, "{}").status, 405U) << target;
    EXPECT_EQ(post(target, "{}").allow, "GET") << target;
  }
  EXPECT_FALSE(asked.synced);
}

TEST_F(RoutesTest, SyncOfOneOrAll) {
  EXPECT_EQ(post("/v1/sync", "").status, 200U);
  EXPECT_EQ(asked.synced, "");
  EXPECT_EQ(post("/v1/sync", "{}").status, 200U);
  EXPECT_EQ(post("/v1/sync", R"({"source":"cloud"})").status, 200U);
  EXPECT_EQ(asked.synced, "cloud");
}

TEST_F(RoutesTest, AssignPassesEverythingOn) {
  EXPECT_EQ(post("/v1/devices/b%2Fc/assign", R"({"version":"1.2","product":"p","downgrade":true})")
                .status,
            200U);
  ASSERT_TRUE(asked.assigned);
  EXPECT_EQ(asked.assigned->device, "b/c");
  EXPECT_EQ(asked.assigned->product, "p");
  EXPECT_EQ(asked.assigned->version, "1.2");
  EXPECT_TRUE(asked.assigned->downgrade);
}

TEST_F(RoutesTest, OrdersForADelivery) {
  const std::vector<std::pair<const char*, DeliveryOrder>> words = {
      {"pause", DeliveryOrder::pause}, {"resume", DeliveryOrder::resume},
      {"retry", DeliveryOrder::retry}, {"cancel", DeliveryOrder::cancel},
      {"force", DeliveryOrder::force}, {"install", DeliveryOrder::install}};
  for (const auto& [word, order] : words) {
    const std::string target = std::string("/v1/deliveries/17/") + word;
    EXPECT_EQ(post(target, "").status, 200U) << target;
    EXPECT_EQ(asked.ordered, std::make_pair(std::uint64_t{17}, order)) << target;
    EXPECT_EQ(get(target).status, 405U);
    EXPECT_EQ(get(target).allow, "POST");
  }
  asked.ordered.reset();
  for (const char* target :
       {"/v1/deliveries/17", "/v1/deliveries/17/stop", "/v1/deliveries/x/pause",
        "/v1/deliveries/-1/pause", "/v1/deliveries/17/pause/x",
        "/v1/deliveries/99999999999999999999/pause", "/v1/sources/17/pause"}) {
    EXPECT_EQ(post(target, "").status, 404U) << target;
  }
  EXPECT_FALSE(asked.ordered);
  asked.error = ErrorCode::denied;
  EXPECT_EQ(post("/v1/deliveries/17/retry", "").status, 403U);
}

TEST_F(RoutesTest, AStoppedReleaseGoesOn) {
  EXPECT_EQ(post("/v1/releases/pump/1.2%2B4/retry", "").status, 200U);
  EXPECT_EQ(asked.retried, "pump 1.2+4");
  EXPECT_EQ(get("/v1/releases/pump/1.2/retry").allow, "POST");
  for (const char* target : {"/v1/releases/pump/1.2", "/v1/releases/pump/1.2/stop",
                             "/v1/releases/pump/retry", "/v1/devices/pump/1.2/retry"}) {
    EXPECT_EQ(post(target, "").status, 404U) << target;
  }
}

TEST_F(RoutesTest, MalformedRequestsChangeNothing) {
  for (const char* body : {"x", "[]", "7", R"({"source":7})", R"({"source":null})",
                           "{\"source\":\"\xff\"}", R"({"source":"a","source":"b"})"}) {
    EXPECT_EQ(post("/v1/sync", body).status, 400U) << body;
  }
  for (const char* body : {"", "{}", R"({"version":1})", R"({"version":"1","product":2})",
                           R"({"version":"1","downgrade":"yes"})"}) {
    EXPECT_EQ(post("/v1/devices/a/assign", body).status, 400U) << body;
  }
  EXPECT_FALSE(asked.synced);
  EXPECT_FALSE(asked.assigned);
}

TEST_F(RoutesTest, ErrorsBecomeStatusesAndCodes) {
  const std::vector<std::tuple<ErrorCode, unsigned, const char*>> expected = {
      {ErrorCode::invalid, 400, "invalid"},
      {ErrorCode::denied, 403, "denied"},
      {ErrorCode::not_found, 404, "not-found"},
      {ErrorCode::exists, 409, "exists"},
      {ErrorCode::io, 500, "io"},
      {ErrorCode::unavailable, 503, "unavailable"},
      {ErrorCode::disk_full, 507, "disk-full"},
      {ErrorCode::cancelled, 500, "failed"}};
  for (const auto& [error, status, code] : expected) {
    asked.error = error;
    const Answer refused = post("/v1/sync", "{}");
    EXPECT_EQ(refused.status, status);
    EXPECT_EQ(refused.body["error"]["code"], code);
    EXPECT_EQ(refused.body["error"]["message"], "why");
  }
}

TEST_F(RoutesTest, MetricsAreAPageAndNotJson) {
  const Answer page = get("/v1/metrics");
  EXPECT_EQ(page.status, 200U);
  EXPECT_EQ(page.page, "# EOF\n");
  EXPECT_EQ(page.page_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(post("/v1/metrics", "").status, 405U);
  EXPECT_EQ(get("/v1/metrics/x").status, 404U);
}

// The address on which nobody is asked who they are.
TEST_F(RoutesTest, WhereMetricsAreAloneNothingElseIs) {
  EXPECT_EQ(metrics_page("GET", "/metrics", asked).page, "# EOF\n");
  EXPECT_EQ(metrics_page("GET", "/metrics?name=x", asked).page, "# EOF\n");
  for (const char* other : {"", "/", "/v1/status", "/v1/metrics", "metrics", "/metrics/"}) {
    EXPECT_EQ(metrics_page("GET", other, asked).status, 404U) << other;
  }
  const Answer wrong = metrics_page("POST", "/metrics", asked);
  EXPECT_EQ(wrong.status, 405U);
  EXPECT_EQ(wrong.allow, "GET");
  EXPECT_EQ(metrics_page("POST", "/v1/sync", asked).status, 404U);
  EXPECT_FALSE(asked.synced);
}

}  // namespace
}  // namespace ferry::control
