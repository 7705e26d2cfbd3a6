#include "agent/source/layout.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

namespace ferry::source {
namespace {

namespace fs = std::filesystem;
using formats::Role;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class LayoutTest : public testing::Test {
 protected:
  LayoutTest() {
    std::string pattern = testing::TempDir() + "/layout.XXXXXX";
    top_ = ::mkdtemp(pattern.data());
    folder_ = top_ / "releases";
    fs::create_directory(folder_);
  }
  ~LayoutTest() override { fs::remove_all(top_); }

  void put(const std::string& path, const std::string& content = "content") {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path, std::ios::binary) << content;
  }
  Layout scan() {
    const Result<LayoutFolder> folder = LayoutFolder::open(folder_);
    EXPECT_TRUE(folder);
    Result<Layout> layout = folder->scan();
    EXPECT_TRUE(layout) << layout.error().message;
    return layout ? *layout : Layout();
  }
  // Every artifact as "role name dst_path from".
  static std::vector<std::string> told(const LayoutRelease& release) {
    std::vector<std::string> lines;
    for (const LayoutFile& file : release.files) {
      lines.push_back(std::string(to_string(file.artifact.role)) + " " + file.artifact.name + " " +
                      file.artifact.dst_path + " " + file.artifact.from);
    }
    return lines;
  }

  fs::path top_;
  fs::path folder_;
};

// The drawing in the document of the server that operators have today.
TEST_F(LayoutTest, ReadsThePycomServersFolder) {
  put("this_script.py");
  put("1.0.0/flash/lib/lib_a.py");
  put("1.0.0/flash/main.py");
  put("1.0.0/flash/boot.py");
  put("1.0.0/sd/some_asset.txt");
  put("1.0.0/sd/asset_that_will_be_removed.wav");
  put("1.0.1/flash/lib/new_lib.py");
  put("firmware_1.0.0.bin");
  put("firmware_1.0.1.bin", "image");
  const Layout layout = scan();
  ASSERT_THAT(layout.releases, SizeIs(2));
  EXPECT_EQ(layout.releases[0].version, "1.0.0");
  EXPECT_THAT(layout.releases[0].files, SizeIs(6));
  EXPECT_THAT(told(layout.releases[1]),
              ElementsAre("firmware firmware_1.0.1.bin  ",
                          "file flash/lib/new_lib.py flash/lib/new_lib.py "));
  EXPECT_EQ(layout.releases[1].files[0].artifact.size, 5U);
  ASSERT_THAT(layout.skipped, SizeIs(1));
  EXPECT_EQ(layout.skipped[0].path, "this_script.py");
}

TEST_F(LayoutTest, ReadsArchivesAndDifferentials) {
  put("archive_2.0.tar");
  put("differential_1.9_to_2.0.bin");
  put("differential_1.8_to_2.0.bin");
  const Layout layout = scan();
  ASSERT_THAT(layout.releases, SizeIs(1));
  EXPECT_THAT(
      told(layout.releases[0]),
      ElementsAre("archive archive_2.0.tar  ", "differential differential_1.8_to_2.0.bin  1.8",
                  "differential differential_1.9_to_2.0.bin  1.9"));
}

TEST_F(LayoutTest, NamesThatCouldMeanTwoThingsMeanNothing) {
  for (const char* bad :
       {"firmware_.bin", "firmware_1.0.bin.part", "Firmware_1.0.bin", "firmware_1 0.bin",
        "archive_1.0.zip", "differential_1.0.bin", "differential__to_1.0.bin",
        "differential_1_to_2_to_3.bin", "differential_1_to_.bin", "firmware_"}) {
    EXPECT_FALSE(parse_layout_name(bad)) << bad;
  }
  EXPECT_EQ(parse_layout_name("firmware_1.0.0-rc1_b.bin")->version, "1.0.0-rc1_b");
}

TEST_F(LayoutTest, FoldersOfTheMediumAreNoVersions) {
  put("lost+found/1");
  put("System Volume Information/1");
  put(".Trash-1000/1.0/x");
  put(".firmware_1.0.0.bin.Xq81");
  fs::create_directory(folder_ / "3.0");
  const Layout layout = scan();
  EXPECT_THAT(layout.releases, IsEmpty());
  EXPECT_THAT(layout.skipped, SizeIs(2));
}

TEST_F(LayoutTest, ALinkToTheOutsideLeavesTheVersionOut) {
  std::ofstream(top_ / "secret") << "key";
  put("1.0.0/flash/main.py");
  put("1.0.1/flash/main.py");
  fs::create_symlink("../../../secret", folder_ / "1.0.1/flash/secret.py");
  fs::create_symlink(top_ / "secret", folder_ / "firmware_1.0.2.bin");
  put("1.0.3/flash/main.py");
  fs::create_symlink(top_, folder_ / "1.0.3/all");
  const Layout layout = scan();
  ASSERT_THAT(layout.releases, SizeIs(1));
  EXPECT_EQ(layout.releases[0].version, "1.0.0");
  ASSERT_THAT(layout.skipped, SizeIs(3));
  for (const Skipped& skipped : layout.skipped)
    EXPECT_THAT(skipped.why, HasSubstr("out of the folder"));
}

TEST_F(LayoutTest, ALinkInsideIsFollowed) {
  put("1.0.0/flash/lib/a.py", "same");
  put("1.0.1/flash/main.py");
  fs::create_symlink("../../1.0.0/flash/lib", folder_ / "1.0.1/flash/lib");
  const Layout layout = scan();
  ASSERT_THAT(layout.releases, SizeIs(2));
  EXPECT_THAT(told(layout.releases[1]), ElementsAre("file flash/lib/a.py flash/lib/a.py ",
                                                    "file flash/main.py flash/main.py "));
}

TEST_F(LayoutTest, WhatCannotBePublishedLeavesItsVersionOut) {
  put("1.0.0/flash/main.py");
  ASSERT_EQ(::mkfifo((folder_ / "1.0.0/flash/pipe").c_str(), 0600), 0);
  put("1.0.1/back\\slash");
  put("1.0.2/new\nline");
  put("1.0.3/a/a");
  fs::create_symlink("..", folder_ / "1.0.3/a/circle");
  put("firmware_1.0.4.bin", "");
  put("1.0.5/good.py");
  const Layout layout = scan();
  ASSERT_THAT(layout.releases, SizeIs(1));
  EXPECT_EQ(layout.releases[0].version, "1.0.5");
  EXPECT_THAT(layout.skipped, SizeIs(5));
  for (const Skipped& skipped : layout.skipped) {
    EXPECT_EQ((skipped.path + skipped.why).find('\n'), std::string::npos);
  }
}

TEST_F(LayoutTest, AFolderThatIsNotThereIsNotFound) {
  EXPECT_EQ(LayoutFolder::open(top_ / "nowhere").error().code, ErrorCode::not_found);
}

TEST_F(LayoutTest, FingerprintsTellEveryChange) {
  put("1.0.0/a", "one");
  const Sha256 first = scan().releases[0].fingerprint();
  EXPECT_EQ(scan().releases[0].fingerprint(), first);
  put("1.0.0/b", "two");
  const Sha256 second = scan().releases[0].fingerprint();
  EXPECT_NE(second, first);
  put("1.0.0/a", "ONE");
  const timespec times[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / "1.0.0/a").c_str(), times, 0), 0);
  EXPECT_NE(scan().releases[0].fingerprint(), second);
}

TEST_F(LayoutTest, HandsOverBytesFromAnyOffset) {
  const std::string content = std::string(300 * 1024, 'x') + "end";
  put("firmware_1.bin", content);
  const Layout layout = scan();
  const Result<LayoutFolder> folder = LayoutFolder::open(folder_);
  EXPECT_EQ(*folder->digest(layout.releases[0].files[0], {}), Sha256::of(as_bytes(content)));
  std::string taken;
  ASSERT_TRUE(folder->read(layout.releases[0].files[0], content.size() - 3, {}, [&](Bytes piece) {
    taken += as_text(piece);
    return Status();
  }));
  EXPECT_EQ(taken, "end");
}

TEST_F(LayoutTest, AFileThatChangesIsNotTaken) {
  put("firmware_1.bin", std::string(600 * 1024, 'x'));
  const Layout layout = scan();
  const LayoutFile& file = layout.releases[0].files[0];
  const Result<LayoutFolder> folder = LayoutFolder::open(folder_);
  const auto during = [&](const std::function<void()>& act) {
    bool acted = false;
    const Status done = folder->read(file, 0, {}, [&](Bytes) {
      if (!acted) act();
      acted = true;
      return Status();
    });
    return done ? std::string("taken") : std::string(to_string(done.error().code));
  };
  const std::string changed(to_string(ErrorCode::changed));
  EXPECT_EQ(during([] {}), "taken");
  // Another file takes the path.
  EXPECT_EQ(during([&] {
              put("other", std::string(600 * 1024, 'y'));
              fs::rename(folder_ / "other", folder_ / "firmware_1.bin");
            }),
            changed);
  EXPECT_EQ(during([] {}), changed) << "its stamp is no more what was scanned";
}

TEST_F(LayoutTest, AFileThatGrowsOrShrinksIsNotTaken) {
  for (const std::size_t length : {std::size_t{700 * 1024}, std::size_t{100}}) {
    put("firmware_1.bin", std::string(600 * 1024, 'x'));
    const Layout layout = scan();
    const Result<LayoutFolder> folder = LayoutFolder::open(folder_);
    const Status done = folder->read(layout.releases[0].files[0], 0, {}, [&](Bytes) {
      fs::resize_file(folder_ / "firmware_1.bin", length);
      return Status();
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::changed);
  }
}

TEST_F(LayoutTest, StopsWhenAsked) {
  put("firmware_1.bin", std::string(600 * 1024, 'x'));
  const Layout layout = scan();
  std::stop_source stop;
  const Status done = LayoutFolder::open(folder_)->read(layout.releases[0].files[0], 0,
                                                        stop.get_token(), [&](Bytes) {
                                                          stop.request_stop();
                                                          return Status();
                                                        });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace ferry::source
