#include "transports/host/artifacts.hpp"

#include <gtest/gtest.h>

#include "base/link.hpp"
#include "formats/link_messages.hpp"

namespace ferry::host {
namespace {

storage::StoredArtifact artifact(const std::string& content, const std::string& pack) {
  storage::StoredArtifact stored;
  stored.sha256 = Sha256::of(as_bytes(content));
  stored.size = content.size();
  stored.pack = pack;
  return stored;
}

TEST(ArtifactTable, TheSameBytesInTheSamePackHaveOneHandle) {
  ArtifactTable table;
  const auto first = table.handle_of(artifact("a", "one.pack"));
  EXPECT_EQ(table.handle_of(artifact("a", "one.pack")), first);
  EXPECT_NE(table.handle_of(artifact("b", "one.pack")), first);
  EXPECT_NE(table.handle_of(artifact("a", "two.pack")), first);
}

TEST(ArtifactTable, AHandleThatWasNotGivenOutIsUnknown) {
  ArtifactTable table;
  const auto handle = table.handle_of(artifact("a", "one.pack"));
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.find(*handle + 1), nullptr);
  EXPECT_EQ(table.find(UINT64_MAX), nullptr);
  EXPECT_EQ(table.find(*handle)->artifact.pack, "one.pack");
}

TEST(ArtifactTable, AWithdrawnPackTakesAllItsHandlesAndNoOthers) {
  ArtifactTable table;
  const auto first = table.handle_of(artifact("a", "one.pack"));
  const auto second = table.handle_of(artifact("b", "one.pack"));
  const auto other = table.handle_of(artifact("a", "two.pack"));
  table.withdraw("one.pack");
  EXPECT_TRUE(table.find(*first)->withdrawn);
  EXPECT_TRUE(table.find(*second)->withdrawn);
  EXPECT_FALSE(table.find(*other)->withdrawn);
}

TEST(ArtifactTable, BytesThatComeAgainUnderTheSameNameGetANewHandle) {
  ArtifactTable table;
  const auto first = table.handle_of(artifact("a", "one.pack"));
  table.withdraw("one.pack");
  const auto again = table.handle_of(artifact("a", "one.pack"));
  EXPECT_NE(again, first);
  EXPECT_FALSE(table.find(*again)->withdrawn);
}

TEST(ArtifactTable, LastWordsAreAMessageThatNamesThePack) {
  const Servable servable(artifact("a", "one.pack"));
  link::Assembler assembler(link::message_bytes);
  const auto text = assembler.take(as_bytes(servable.last_words));
  ASSERT_TRUE(text && *text);
  const auto message = formats::link::parse_from_host(**text);
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(std::get<formats::link::Corrupt>(*message).pack, "one.pack");
}

}  // namespace
}  // namespace ferry::host
