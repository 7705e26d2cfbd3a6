// Who was woken, as a restart finds it.
#include "tests/unit/storage/store_bench.hpp"

namespace ferry::storage::testing {
namespace {

class WakeStoreTest : public StoreTest {
 protected:
  void SetUp() override { open(); }
};

TEST_F(WakeStoreTest, KeepsWhatCountsWithItsEventOverARestart) {
  const Time first = from_unix_ms(1'795'000'000'000);
  WakeUp row{"meter", "7", "2.0", 1, false, {first}};
  ASSERT_OK(store->wakes().put(row, {{0, first, "woken", R"({"device":"7"})"}}));
  row.attempts = 2;
  row.shown = true;
  row.sent.push_back(first + std::chrono::hours(1));
  ASSERT_OK(store->wakes().put(row, {}));
  ASSERT_OK(store->wakes().put({"meter", "8", "2.0", 1, false, {Time(Duration(-5))}}, {}));
  open();
  const auto rows = store->wakes().all();
  ASSERT_OK(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].device, "7");
  EXPECT_EQ((*rows)[0].version, "2.0");
  EXPECT_EQ((*rows)[0].attempts, 2U);
  EXPECT_TRUE((*rows)[0].shown);
  EXPECT_EQ((*rows)[0].sent, row.sent);
  EXPECT_FALSE((*rows)[1].shown);
  EXPECT_EQ((*rows)[1].sent, std::vector<Time>{Time(Duration(-5))}) << "before 1970, even";
  EXPECT_EQ(store->outbox().size().value(), 1U);
}

TEST_F(WakeStoreTest, RefusesWhatIsTooLong) {
  const auto kept = store->wakes().put({"meter", std::string(5000, 'x'), "2.0", 1, false, {}}, {});
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace ferry::storage::testing
