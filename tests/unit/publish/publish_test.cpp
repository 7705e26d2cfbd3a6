#include "ctl/publish.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/file.hpp"
#include "base/signature.hpp"
#include "formats/release.hpp"

namespace ferry::ctl {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Publish : public testing::Test {
 protected:
  Publish() {
    std::string pattern = testing::TempDir() + "/publish.XXXXXX";
    top_ = ::mkdtemp(pattern.data());
    put("1.0.0/flash/main.py", "print(1)");
    put("firmware_1.0.0.bin", "image 1");
    options_.directory = top_ / "releases";
    options_.site = top_ / "site";
    options_.product = "meter";
    options_.key = top_ / "key.pem";
    key_ = *generate_key_file(options_.key);
  }
  ~Publish() override { fs::remove_all(top_); }

  void put(const std::string& path, const std::string& content) {
    fs::create_directories((top_ / "releases" / path).parent_path());
    std::ofstream(top_ / "releases" / path, std::ios::binary) << content;
  }
  std::string site_file(const std::string& path) {
    const Result<std::string> text = read_file(options_.site / path, 1U << 20U);
    EXPECT_TRUE(text) << path;
    return text ? *text : "";
  }
  formats::Index index() {
    const Result<formats::Envelope> envelope = formats::parse_envelope(site_file("index.json"));
    EXPECT_TRUE(envelope);
    const Result<formats::Index> read = formats::parse_index(envelope->payload);
    EXPECT_TRUE(read);
    return *read;
  }

  fs::path top_;
  PublishOptions options_;
  PublicKey key_;
};

TEST_F(Publish, MakesASiteThatReadersCanCheckFromTheKeyDown) {
  const Result<PublishReport> report = publish(options_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->sequence, 1U);
  EXPECT_THAT(report->published, ElementsAre("1.0.0"));
  EXPECT_EQ(report->artifacts_copied, 2U);
  EXPECT_EQ(report->key_id, key_.key_id());

  const Result<formats::Envelope> envelope = formats::parse_envelope(site_file("index.json"));
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->payload_type, formats::index_payload_type);
  ASSERT_THAT(envelope->signatures, SizeIs(1));
  EXPECT_TRUE(key_.verify(as_bytes(formats::signed_bytes(*envelope)),
                          as_bytes(envelope->signatures[0].signature)));
  const formats::IndexEntry entry = index().releases.at(0);
  const std::string document = site_file(entry.document);
  EXPECT_EQ(document.size(), entry.size);
  EXPECT_EQ(Sha256::of(as_bytes(document)), entry.sha256);
  const Result<formats::Release> release = formats::parse_release(document);
  ASSERT_TRUE(release) << release.error().message;
  for (const formats::ReleaseArtifact& artifact : release->artifacts) {
    const std::string bytes = site_file(artifact.url);
    EXPECT_EQ(bytes.size(), artifact.size);
    EXPECT_EQ(Sha256::of(as_bytes(bytes)), artifact.sha256);
  }
}

TEST_F(Publish, AgainChangesNothing) {
  ASSERT_TRUE(publish(options_));
  const std::string before = site_file("index.json");
  const Result<PublishReport> again = publish(options_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->sequence, 1U);
  EXPECT_THAT(again->published, IsEmpty());
  EXPECT_EQ(again->artifacts_copied, 0U);
  EXPECT_EQ(site_file("index.json"), before);
}

TEST_F(Publish, ANewVersionCopiesOnlyWhatIsNew) {
  ASSERT_TRUE(publish(options_));
  put("1.0.1/flash/main.py", "print(1)");
  put("1.0.1/flash/new.py", "print(2)");
  const Result<PublishReport> report = publish(options_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->sequence, 2U);
  EXPECT_THAT(report->published, ElementsAre("1.0.1"));
  EXPECT_EQ(report->artifacts_copied, 1U);
  EXPECT_THAT(index().releases, SizeIs(2));
}

TEST_F(Publish, APublishedVersionIsImmutable) {
  ASSERT_TRUE(publish(options_));
  const std::string before = site_file("index.json");
  put("1.0.0/flash/main.py", "print(9)");
  const Result<PublishReport> report = publish(options_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::exists);
  EXPECT_THAT(report.error().message, HasSubstr("meter 1.0.0"));
  EXPECT_EQ(site_file("index.json"), before);
}

TEST_F(Publish, OtherProductsAndChannelsStay) {
  ASSERT_TRUE(publish(options_));
  PublishOptions other = options_;
  other.product = "lamp";
  ASSERT_TRUE(publish(other));
  other.channel = "beta";
  const Result<PublishReport> report = publish(other);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->releases, 3U);
  EXPECT_EQ(report->sequence, 3U);
}

TEST_F(Publish, AVersionIsTheSameInEveryChannel) {
  ASSERT_TRUE(publish(options_));
  PublishOptions beta = options_;
  beta.channel = "beta";
  ASSERT_TRUE(publish(beta)) << "promoting the same bytes";
  put("1.0.1/flash/main.py", "print(2)");
  ASSERT_TRUE(publish(beta));
  put("1.0.1/flash/main.py", "print(3)");
  const Result<PublishReport> report = publish(options_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::exists);
  EXPECT_THAT(report.error().message, HasSubstr("channel beta"));
}

TEST_F(Publish, AVersionThatIsGoneIsWithdrawn) {
  put("1.0.1/flash/main.py", "print(2)");
  ASSERT_TRUE(publish(options_));
  fs::remove_all(top_ / "releases/1.0.1");
  const Result<PublishReport> report = publish(options_);
  ASSERT_TRUE(report);
  EXPECT_THAT(report->withdrawn, ElementsAre("1.0.1"));
  EXPECT_EQ(report->sequence, 2U);
}

TEST_F(Publish, NothingIsSignedThatAnotherHandWrote) {
  ASSERT_TRUE(publish(options_));
  PublishOptions other = options_;
  other.key = top_ / "other.pem";
  ASSERT_TRUE(generate_key_file(other.key));
  EXPECT_EQ(publish(other).error().code, ErrorCode::denied);
  other.key.clear();
  EXPECT_EQ(publish(other).error().code, ErrorCode::denied) << "a signed site stays signed";
  other.site = top_ / "unsigned";
  const Result<PublishReport> unsigned_site = publish(other);
  ASSERT_TRUE(unsigned_site) << unsigned_site.error().message;
  EXPECT_EQ(unsigned_site->key_id, "");
  other.key = options_.key;
  EXPECT_EQ(publish(other).error().code, ErrorCode::denied);
}

TEST_F(Publish, AVersionThatCannotBePublishedStopsEverything) {
  fs::create_symlink("/etc/passwd", top_ / "releases/1.0.0/flash/passwd");
  const Result<PublishReport> report = publish(options_);
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message, HasSubstr("passwd"));
  EXPECT_FALSE(fs::exists(options_.site / "index.json"));
}

TEST_F(Publish, ADamagedArtifactInTheSiteIsReplaced) {
  ASSERT_TRUE(publish(options_));
  const std::string url = "artifacts/" + Sha256::of(as_bytes("image 1")).hex();
  fs::resize_file(options_.site / url, 3);
  ASSERT_TRUE(publish(options_));
  EXPECT_EQ(site_file(url), "image 1");
}

TEST_F(Publish, SaysWhatIsMissing) {
  PublishOptions wrong = options_;
  wrong.directory = top_ / "nowhere";
  EXPECT_EQ(publish(wrong).error().code, ErrorCode::not_found);
  wrong = options_;
  wrong.key = top_ / "nowhere.pem";
  EXPECT_THAT(publish(wrong).error().message, HasSubstr("nowhere.pem"));
  wrong = options_;
  wrong.product = "a/b";
  EXPECT_THAT(publish(wrong).error().message, HasSubstr("a/b"));
}

}  // namespace
}  // namespace ferry::ctl
