#include "formats/ustar.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

namespace ferry::formats {
namespace {

using ::testing::HasSubstr;

// Writes archives entry by entry, as the standard's table of fields says.
class Tar {
 public:
  Tar& entry(const std::string& name, char type, const std::string& content = "",
             const std::string& prefix = "") {
    std::string header(512, '\0');
    const auto put = [&](std::size_t offset, const std::string& field) {
      header.replace(offset, field.size(), field);
    };
    put(0, name);
    put(100, "0000644");
    put(124, octal(content.size(), 11));
    put(148, "        ");
    put(156, std::string(1, type));
    put(257, magic);
    put(345, prefix);
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    put(148, octal(sum, 6) + '\0');
    text += header + content + std::string((512 - content.size() % 512) % 512, '\0');
    return *this;
  }
  Tar& end(std::size_t blocks = 2) {
    text.append(512 * blocks, '\0');
    return *this;
  }
  Result<UstarArchive> inspect() const {
    const ReadContent read = [&](std::uint64_t offset, std::span<std::byte> out) -> Status {
      const auto* from = reinterpret_cast<const std::byte*>(text.data()) + offset;
      std::copy_n(from, out.size(), out.begin());
      return {};
    };
    return inspect_ustar(read, text.size());
  }
  std::string why() const {
    const auto archive = inspect();
    if (archive) return "accepted";
    EXPECT_EQ(archive.error().code, ErrorCode::invalid);
    return archive.error().message;
  }

  std::string text;
  std::string magic = std::string("ustar\0", 6) + "00";

 private:
  static std::string octal(std::size_t value, std::size_t digits) {
    std::string written(digits, '0');
    for (std::size_t i = digits; i-- > 0; value /= 8)
      written[i] = static_cast<char>('0' + value % 8);
    return written;
  }
};

TEST(Ustar, FilesAndFolders) {
  const auto archive = Tar()
                           .entry("lib/", '5')
                           .entry("lib/a.py", '0', std::string(513, 'a'))
                           .entry("empty", '\0')
                           .end()
                           .inspect();
  ASSERT_TRUE(archive);
  EXPECT_EQ(archive->files, 2U);
  EXPECT_EQ(archive->folders, 1U);
  EXPECT_EQ(archive->bytes, 513U);
}

TEST(Ustar, LongNamesInTwoParts) {
  EXPECT_EQ(Tar().entry(std::string(100, 'n'), '0', "x", std::string(155, 'p')).end().why(),
            "accepted");
}

TEST(Ustar, ZerosUpToARecordsEnd) {
  EXPECT_EQ(Tar().entry("a", '0', "x").end(18).why(), "accepted");
  EXPECT_EQ(Tar().end(20).why(), "accepted");
}

TEST(Ustar, WhatTarWritesOfAWholeFolder) {
  EXPECT_EQ(Tar().entry("./", '5').entry("./a", '0', "x").end().why(), "accepted");
}

TEST(Ustar, GnusMagicWithoutItsExtensions) {
  Tar tar;
  tar.magic = std::string("ustar  \0", 8);
  EXPECT_EQ(Tar(tar).entry("a", '0', "x").end().why(), "accepted");
  EXPECT_THAT(Tar(tar).entry("././@LongLink", 'L', "x").end().why(), HasSubstr("is neither"));
}

TEST(Ustar, PathsThatLeaveTheFolder) {
  for (const std::string path :
       {"/etc/passwd", "../a", "lib/../../a", "lib//a", ".", "", "..", "./../a", ".//a", "a\nb"}) {
    EXPECT_THAT(Tar().entry(path, '0', "x").end().why(), HasSubstr("is not a clean path")) << path;
  }
  for (const std::string path : {"/", "/lib/", "../", "lib/../.."}) {
    EXPECT_THAT(Tar().entry(path, '5').end().why(), HasSubstr("is not a clean path")) << path;
  }
  EXPECT_THAT(Tar().entry("a", '0', "x", "/etc").end().why(), HasSubstr("'/etc/a' is not a clean"));
  EXPECT_THAT(Tar().entry("a", '0', "x", "..").end().why(), HasSubstr("is not a clean path"));
}

TEST(Ustar, LinksDevicesAndOthers) {
  for (const char type : {'1', '2'}) {
    EXPECT_THAT(Tar().entry("a", type).end().why(), HasSubstr("'a' is a link"));
  }
  for (const char type : {'3', '4', '6'}) {
    EXPECT_THAT(Tar().entry("a", type).end().why(), HasSubstr("'a' is a device"));
  }
  for (const char type : {'7', 'x', 'g', 'S', ' '}) {
    EXPECT_THAT(Tar().entry("a", type).end().why(), HasSubstr("is neither a plain file"));
  }
}

TEST(Ustar, WhatBreaksTheFormat) {
  EXPECT_THAT(Tar().why(), HasSubstr("breaks off"));
  EXPECT_THAT(Tar().entry("a", '0', "x").why(), HasSubstr("breaks off"));
  EXPECT_THAT(Tar().entry("a", '0', "x").end(1).why(), HasSubstr("breaks off"));
  EXPECT_THAT(Tar().entry("a", '5', "x").end().why(), HasSubstr("folder with content"));
  Tar after = Tar().entry("a", '0', "x").end();
  after.text += "hidden";
  EXPECT_THAT(after.why(), HasSubstr("something after its end"));
  Tar one = Tar().end(1).entry("a", '0', "x").end();
  EXPECT_THAT(one.why(), HasSubstr("two blocks of zeros"));
  Tar other;
  other.magic = "notustar";
  EXPECT_THAT(other.entry("a", '0').end().why(), HasSubstr("is not ustar"));
  Tar cut = Tar().entry("a", '0', std::string(2000, 'x'));
  cut.text.resize(1024);
  EXPECT_THAT(cut.why(), HasSubstr("reaches beyond"));
}

TEST(Ustar, EveryChangedByteOfAHeaderIsSeen) {
  const Tar whole = Tar().entry("a", '0', "x").end();
  for (std::size_t i = 0; i < 512; ++i) {
    // The blank that ends the checksum is no part of its number.
    if (i == 154 || i == 155) continue;
    Tar flipped = whole;
    flipped.text[i] = static_cast<char>(flipped.text[i] ^ 1);
    EXPECT_NE(flipped.why(), "accepted") << "byte " << i;
  }
}

TEST(Ustar, NoMoreEntriesThanStated) {
  Tar tar;
  tar.entry("a", '0');
  const std::string one = tar.text;
  for (int i = 1; i < 65'536; ++i) tar.text += one;
  EXPECT_EQ(Tar(tar).end().why(), "accepted");
  EXPECT_THAT(tar.entry("b", '0').end().why(), HasSubstr("more than 65536 entries"));
}

TEST(Ustar, WhatTheReaderFailsWithIsHandedOn) {
  const auto archive = inspect_ustar(
      [](std::uint64_t, std::span<std::byte>) -> Status { return fail(ErrorCode::io, "gone"); },
      10'240);
  ASSERT_FALSE(archive);
  EXPECT_EQ(archive.error().code, ErrorCode::io);
}

}  // namespace
}  // namespace ferry::formats
