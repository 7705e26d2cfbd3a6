// The examples of docs/release-format.md are what the code reads.
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "base/signature.hpp"
#include "formats/patch_fields.hpp"
#include "formats/release.hpp"

namespace ferry::formats {
namespace {

class ReleaseFormatDocument : public testing::Test {
 protected:
  void SetUp() override {
    const Result<std::string> text = read_file(FERRY_RELEASE_FORMAT, 1U << 20U);
    ASSERT_TRUE(text) << text.error().message;
    text_ = *text;
  }
  // What stands between the fences behind "<!-- example: NAME -->".
  std::string example(const std::string& name) const {
    const std::string begin = "<!-- example: " + name + " -->\n```json\n";
    const std::size_t at = text_.find(begin);
    if (at == text_.npos) return "";
    const std::size_t from = at + begin.size();
    return text_.substr(from, text_.find("```\n", from) - from);
  }
  // The first text in backquotes after `words`.
  std::string quoted_after(const std::string& words) const {
    const std::size_t at = text_.find('`', text_.find(words) + words.size());
    return text_.substr(at + 1, text_.find('`', at + 1) - at - 1);
  }
  std::string text_;
};

TEST_F(ReleaseFormatDocument, EnvelopeHoldsTheIndexAndIsSignedByTheKeyThatIsNamed) {
  const Result<Envelope> envelope = parse_envelope(example("envelope"));
  ASSERT_TRUE(envelope) << envelope.error().message;
  EXPECT_EQ(envelope->payload_type, index_payload_type);
  EXPECT_EQ(envelope->payload, example("index"));
  const Result<PublicKey> key = PublicKey::load(quoted_after("whose public half is"));
  ASSERT_TRUE(key) << key.error().message;
  ASSERT_EQ(envelope->signatures.size(), 1U);
  EXPECT_EQ(envelope->signatures[0].key_id, key->key_id());
  EXPECT_TRUE(
      key->verify(as_bytes(signed_bytes(*envelope)), as_bytes(envelope->signatures[0].signature)));
}

TEST_F(ReleaseFormatDocument, IndexNamesTheReleaseDocument) {
  const Result<Index> index = parse_index(example("index"));
  ASSERT_TRUE(index) << index.error().message;
  ASSERT_EQ(index->releases.size(), 1U);
  const std::string document = example("release");
  EXPECT_EQ(index->releases[0].size, document.size());
  EXPECT_EQ(index->releases[0].sha256, Sha256::of(as_bytes(document)));
  const Result<Release> release = parse_release(document);
  ASSERT_TRUE(release) << release.error().message;
  EXPECT_EQ(release->product, index->releases[0].product);
  EXPECT_EQ(release->version, index->releases[0].version);
  EXPECT_EQ(release->channel, index->releases[0].channel);
  EXPECT_EQ(release->find(Role::differential)->from, "1.0.0");
}

TEST_F(ReleaseFormatDocument, PatchesAreReadAsTheyStandThere) {
  const auto json = parse_json(example("patches"), "patches");
  ASSERT_TRUE(json) << json.error().message;
  const auto patches = patches_from(*json);
  ASSERT_TRUE(patches) << patches.error().message;
  ASSERT_EQ(patches->size(), 1U);
  EXPECT_EQ((*patches)[0].head_size, 80U);
  EXPECT_EQ(to_json(*patches), json->at("patches"));
}

TEST_F(ReleaseFormatDocument, EveryRoleIsExplained) {
  for (const Role role : {Role::firmware, Role::file, Role::archive, Role::differential}) {
    EXPECT_NE(text_.find("| `" + std::string(to_string(role)) + "` |"), text_.npos);
  }
}

}  // namespace
}  // namespace ferry::formats
