// Artifacts: where they lie, and that a file is either what was described or what it was before.
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <filesystem>

#include "base/file.hpp"
#include "tests/unit/tuf/client_rig.hpp"

namespace ferry::tuf {
namespace {

namespace fs = std::filesystem;

class Download : public Client {
 protected:
  static constexpr const char* base = "https://host/targets/";
  fs::path folder = make_folder();
  fs::path file = folder / "file";
  TargetFile target;

  Download() {
    target.length = 3;
    target.hashes["sha256"] = Sha256::of(as_bytes("abc")).hex();
  }
  ~Download() override {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  static fs::path make_folder() {
    std::string name = (fs::temp_directory_path() / "ferry-tuf-XXXXXX").string();
    return ::mkdtemp(name.data());
  }
  std::string url_of(const std::string& hash) const { return artifact_url(base, "a b/c", hash); }
  Status download(Updater& updater) { return updater.download("a b/c", target, base, file); }
  std::string content() const { return read_file(file, 1000).value_or("no file"); }
  // Nothing lies beside the file: what was begun is gone.
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
};

TEST(ArtifactUrl, PutsTheHashBeforeTheLastPart) {
  EXPECT_EQ(artifact_url("u/", "f", ""), "u/f");
  EXPECT_EQ(artifact_url("u/", "f", "00"), "u/00.f");
  EXPECT_EQ(artifact_url("u/", "a b/?/f#", "00"), "u/a%20b/%3F/00.f%23");
}

TEST_F(Download, WritesWhatWasDescribedAndFetchesItOnce) {
  server.files[url_of(target.hashes["sha256"])] = "abc";
  Updater updater = fresh();
  EXPECT_EQ(why(download(updater)), "accepted");
  EXPECT_EQ(content(), "abc");
  EXPECT_EQ(entries(), 1U);
  EXPECT_EQ(why(download(updater)), "accepted");
  EXPECT_EQ(server.times(url_of(target.hashes["sha256"])), 1U);
}

TEST_F(Download, ReplacesAFileOfOtherContent) {
  server.files[url_of(target.hashes["sha256"])] = "abc";
  Updater updater = fresh();
  for (const char* before : {"abd", "ab", "abcd", ""}) {
    ASSERT_TRUE(write_file_atomically(file, as_bytes(before)));
    EXPECT_EQ(why(download(updater)), "accepted");
    EXPECT_EQ(content(), "abc");
  }
}

TEST_F(Download, WhateverIsWrongLeavesTheFileAsItWas) {
  ASSERT_TRUE(write_file_atomically(file, as_bytes("before")));
  const std::string where = url_of(target.hashes["sha256"]);
  Updater updater = fresh();
  const std::pair<const char*, ErrorCode> wrong[] = {{"abd", ErrorCode::corrupt},
                                                     {"ab", ErrorCode::corrupt},
                                                     {"", ErrorCode::corrupt},
                                                     {"abcd", ErrorCode::too_large}};
  for (const auto& [body, code] : wrong) {
    server.files[where] = body;
    const Status done = download(updater);
    EXPECT_EQ(done.error().code, code) << body;
    EXPECT_TRUE(why(done).starts_with("a b/c: ")) << why(done);
    EXPECT_EQ(content(), "before");
    EXPECT_EQ(entries(), 1U);
  }
  server.files[where] = "ab";
  server.broken[where] = ErrorCode::unavailable;
  EXPECT_EQ(download(updater).error().code, ErrorCode::unavailable);
  EXPECT_EQ(content(), "before");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Download, TakesTheOtherHashOfTheNameWhenOneIsNotThere) {
  Digester digester(Algorithm::sha512);
  digester.update(as_bytes("abc"));
  target.hashes["sha512"] = digester.hex();
  Updater updater = fresh();
  EXPECT_EQ(download(updater).error().code, ErrorCode::not_found);
  EXPECT_EQ(entries(), 0U);
  server.files[url_of(target.hashes["sha512"])] = "abc";
  EXPECT_EQ(why(download(updater)), "accepted");
  // What is wrong under its first name is not asked for under another.
  server.files[url_of(target.hashes["sha256"])] = "abd";
  fs::remove(file);
  EXPECT_EQ(download(updater).error().code, ErrorCode::corrupt);
  target.hashes.erase("sha256");
  EXPECT_EQ(why(download(updater)), "accepted");
}

TEST_F(Download, WithoutConsistentSnapshotsNoHashStandsInTheName) {
  root["consistent_snapshot"] = false;
  keeper.held["root"] = root_text();
  server.files = {{url("timestamp.json"), time_text()},
                  {url("snapshot.json"), list_text()},
                  {url("targets.json"), file_text()},
                  {url_of(""), "abc"}};
  Updater updater = fresh();
  EXPECT_EQ(why(download(updater)), "accepted");
}

TEST_F(Download, FolderThatIsNotThereIsNotMade) {
  server.files[url_of(target.hashes["sha256"])] = "abc";
  Updater updater = fresh();
  file = folder / "none" / "file";
  EXPECT_EQ(download(updater).error().code, ErrorCode::not_found);
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Download, FolderInThePlaceOfTheFileStays) {
  server.files[url_of(target.hashes["sha256"])] = "abc";
  fs::create_directories(file / "kept");
  Updater updater = fresh();
  EXPECT_FALSE(download(updater));
  EXPECT_TRUE(fs::is_directory(file / "kept"));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Download, FileInTheCurrentFolderIsMadeDurableThere) {
  server.files[url_of(target.hashes["sha256"])] = "abc";
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  Updater updater = fresh();
  EXPECT_EQ(why(updater.download("a b/c", target, base, "file")), "accepted");
  fs::current_path(before);
  EXPECT_EQ(content(), "abc");
}

TEST_F(Download, MediumThatTakesHalfOfItIsTold) {
  server.files[url_of(target.hashes["sha256"])] = "abc";
  Updater updater = fresh();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit two_bytes = before;
  two_bytes.rlim_cur = 2;
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &two_bytes), 0);
  const Status done = download(updater);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_NE(why(done).find("File too large"), std::string::npos) << why(done);
  EXPECT_EQ(entries(), 0U);
  EXPECT_EQ(why(download(updater)), "accepted");
}

}  // namespace
}  // namespace ferry::tuf
