// What of a TUF repository is kept for others to pull.
#include "agent/source/tuf_mirror.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ferry::source {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Sha256 hash_of(const std::string& text) {
  return Sha256::of(as_bytes(text));
}

class TufIndex : public testing::Test {
 protected:
  void add(const std::string& path) {
    files_[path].hashes["sha256"] = hash_of(path).hex();
    targets_[path] = &files_[path];
  }
  std::optional<Sha256> find(const std::string& path) { return indexed(index_of(targets_), path); }

  std::map<std::string, tuf::TargetFile> files_;
  TufTargets targets_;
};

TEST_F(TufIndex, FindsAPathWithAndWithoutTheHashInItsName) {
  add("meter/1.0/a.bin");
  add("top.bin");
  EXPECT_EQ(find("meter/1.0/a.bin"), hash_of("meter/1.0/a.bin"));
  EXPECT_EQ(find("meter/1.0/" + hash_of("meter/1.0/a.bin").hex() + ".a.bin"),
            hash_of("meter/1.0/a.bin"));
  EXPECT_EQ(find(hash_of("top.bin").hex() + ".top.bin"), hash_of("top.bin"));
}

TEST_F(TufIndex, FindsNothingElse) {
  add("meter/1.0/a.bin");
  add("top.bin");
  for (const std::string& path :
       {std::string(), std::string("a.bin"), std::string("meter/1.0/a.bi"),
        std::string("eter/1.0/a.bin"), std::string("meter/1.0/"), std::string("\n"),
        std::string("meter/1.0/a.bin "), hash_of("top.bin").hex() + ".meter/1.0/a.bin",
        "meter/1.0/" + hash_of("top.bin").hex() + ".a.bin", hash_of("top.bin").hex() + ".",
        hash_of("top.bin").hex(), "meter/1.0/" + std::string(64, 'g') + ".a.bin"}) {
    EXPECT_EQ(find(path), std::nullopt) << path;
  }
  EXPECT_EQ(indexed("", "a"), std::nullopt);
  EXPECT_EQ(indexed("\na 00", "a"), std::nullopt);
}

TEST_F(TufIndex, PathsOfEveryKindStayApart) {
  const std::string odd("a b\n\0c %20", 10);
  add(odd);
  add("a");
  EXPECT_EQ(find(odd), hash_of(odd));
  EXPECT_EQ(find("a"), hash_of("a"));
  EXPECT_EQ(find("a b"), std::nullopt);
  files_["none"].hashes["sha512"] = "00";
  targets_["none"] = &files_["none"];
  EXPECT_EQ(find("none"), std::nullopt);
}

TEST(TufMirror, NamesComeBackAsTheyWere) {
  EXPECT_THAT(names_in(""), IsEmpty());
  EXPECT_THAT(names_in(names_of({{"1.../odd\n.json", 1, ""}, {"timestamp.json", 2, ""}})),
              ElementsAre("1.../odd\n.json", "timestamp.json"));
  EXPECT_THAT(names_in("cut"), IsEmpty());
}

TEST(TufMirror, TheChainOfRootsIsBounded) {
  const storage::TrustChange first = root_change("cloud", 3, "three");
  EXPECT_EQ(first.source, "cloud roots");
  EXPECT_EQ(first.documents.front().name, "3.root.json");
  EXPECT_THAT(*first.only, ElementsAre("1.root.json", "2.root.json", "3.root.json"));
  const storage::TrustChange late = root_change("cloud", 1000, "late");
  EXPECT_EQ(late.only->size(), most_roots);
  EXPECT_FALSE(late.only->contains("744.root.json"));
  EXPECT_TRUE(late.only->contains("745.root.json"));
}

}  // namespace
}  // namespace ferry::source
