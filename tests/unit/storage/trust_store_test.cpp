// What sources trust, and releases that are admitted by it.
#include "tests/unit/storage/store_bench.hpp"

namespace ferry::storage::testing {
namespace {

TrustedDocument document(const std::string& name, std::uint64_t version) {
  return {name, version, name + " " + std::to_string(version)};
}

class TrustStoreTest : public StoreTest {
 protected:
  void SetUp() override { open(); }
  Status put(const std::string& source, const std::vector<TrustedDocument>& documents,
             const std::optional<std::set<std::string>>& only) {
    return store->trust().put({{source, documents, only}});
  }
  std::uint64_t version_of(const std::string& source, const std::string& name) {
    const auto found = store->trust().find(source, name);
    EXPECT_OK(found);
    return found && *found ? (*found)->version : 0;
  }
  Status admit_by(std::uint64_t snapshot) {
    const std::vector<std::vector<std::byte>> contents{std::vector<std::byte>(5000, std::byte{1})};
    auto sealed = fetch("a.pack", contents);
    if (!sealed) return fail(sealed.error());
    HeldRelease held = release_of("1.0", contents);
    held.snapshot = snapshot;
    return store->releases().admit(held, *sealed, {event("fetched")});
  }
};

TEST_F(TrustStoreTest, KeepsDocumentsByteForByteAndBySource) {
  ASSERT_OK(put("cloud", {document("root", 3), {"odd/../name", 1, {"a\0b", 3}}}, {}));
  ASSERT_OK(put("other", {document("root", 7)}, {}));
  open();
  EXPECT_EQ(version_of("cloud", "root"), 3U);
  EXPECT_EQ(version_of("other", "root"), 7U);
  EXPECT_EQ((*store->trust().find("cloud", "odd/../name"))->content, std::string("a\0b", 3));
  EXPECT_EQ(version_of("cloud", "snapshot"), 0U);
}

TEST_F(TrustStoreTest, NewDocumentsTakeTheirPlaceAndOthersGoWhereThatIsAskedFor) {
  ASSERT_OK(put("cloud", {document("root", 1), document("bin-0", 1)}, {}));
  ASSERT_OK(put("other", {document("bin-0", 5)}, {}));
  ASSERT_OK(put("cloud", {document("bin-1", 2)}, {}));
  EXPECT_EQ(version_of("cloud", "bin-0"), 1U);
  ASSERT_OK(put("cloud", {document("bin-1", 3)}, {{"root", "bin-1"}}));
  EXPECT_EQ(version_of("cloud", "root"), 1U);
  EXPECT_EQ(version_of("cloud", "bin-0"), 0U);
  EXPECT_EQ(version_of("cloud", "bin-1"), 3U);
  EXPECT_EQ(version_of("other", "bin-0"), 5U);
}

TEST_F(TrustStoreTest, SeveralSourcesChangeInOneTransaction) {
  ASSERT_OK(put("cloud mirror", {document("1.root.json", 1), document("gone", 1)}, {}));
  ASSERT_OK(store->trust().put({{"cloud", {document("root", 2)}, {}},
                                {"cloud mirror",
                                 {document("2.root.json", 2)},
                                 std::set<std::string>{"1.root.json", "2.root.json"}}}));
  EXPECT_EQ(version_of("cloud", "root"), 2U);
  EXPECT_EQ(version_of("cloud mirror", "1.root.json"), 1U);
  EXPECT_EQ(version_of("cloud mirror", "2.root.json"), 2U);
  EXPECT_EQ(version_of("cloud mirror", "gone"), 0U);
}

TEST_F(TrustStoreTest, AReleaseIsAdmittedByTheSnapshotThatIsTrustedNowOrNotAtAll) {
  EXPECT_EQ(admit_by(4).error().code, ErrorCode::changed);
  ASSERT_OK(put("other", {document("snapshot", 4)}, {}));
  EXPECT_EQ(admit_by(4).error().code, ErrorCode::changed);
  ASSERT_OK(put("cloud", {document("snapshot", 5)}, {}));
  EXPECT_EQ(admit_by(4).error().code, ErrorCode::changed);
  EXPECT_TRUE(store->releases().all()->empty());
  EXPECT_TRUE(store->releases().artifacts()->empty());
  ASSERT_OK(put("cloud", {document("snapshot", 4)}, {}));
  ASSERT_OK(admit_by(4));
  EXPECT_EQ(store->releases().all()->size(), 1U);
  ASSERT_OK(store->releases().evict(store->releases().all()->front().release, "test"));
}

}  // namespace
}  // namespace ferry::storage::testing
