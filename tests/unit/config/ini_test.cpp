// The INI reader: what it accepts, what it complains about, and at which line.
#include "config/ini.hpp"

#include <gmock/gmock.h>

namespace ferry::config {
namespace {

std::vector<std::string> ini_problems(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto& problem : parse_ini(text).problems) {
    lines.push_back(std::to_string(problem.line) + ": " + problem.text);
  }
  return lines;
}

std::string value_of(const Ini& ini) {
  return ini.sections.size() == 1 && ini.sections[0].entries.size() == 1
             ? ini.sections[0].entries[0].value
             : "not exactly one entry";
}

TEST(Ini, KeepsSectionsKeysValuesAndLines) {
  const auto ini = parse_ini("# first\n\n[storage]\npath = /a b\nquota=4G\n\n[source.x]\nurl =\n");
  ASSERT_TRUE(ini.problems.empty());
  ASSERT_EQ(ini.sections.size(), 2U);
  EXPECT_EQ(ini.sections[0].name, "storage");
  EXPECT_EQ(ini.sections[0].line, 3);
  ASSERT_EQ(ini.sections[0].entries.size(), 2U);
  EXPECT_EQ(ini.sections[0].entries[0].value, "/a b");
  EXPECT_EQ(ini.sections[0].entries[1].key, "quota");
  EXPECT_EQ(ini.sections[0].entries[1].line, 5);
  EXPECT_EQ(ini.sections[1].name, "source.x");
  EXPECT_EQ(ini.sections[1].entries[0].value, "");
}

TEST(Ini, KeepsAValueOf4000Bytes) {
  const std::string value(4000, 'v');
  EXPECT_EQ(value_of(parse_ini("[a]\nkey = " + value + "\n")), value);
}

TEST(Ini, RefusesALineThatIsTooLong) {
  const std::string line(max_line_bytes + 1, 'v');
  EXPECT_THAT(ini_problems("[a]\nk = 1\n" + line + "\n"),
              testing::ElementsAre("3: the line is longer than 4096 bytes"));
}

TEST(Ini, ReadsWindowsLineEndsAByteOrderMarkAndALastLineWithoutEnd) {
  EXPECT_EQ(value_of(parse_ini("\xEF\xBB\xBF[a]\r\n\tkey\t=\tvalue \r\n")), "value");
  EXPECT_EQ(value_of(parse_ini("[a]\nkey = value")), "value");
}

TEST(Ini, KeepsEqualsSignsAndSemicolonsInValues) {
  EXPECT_EQ(value_of(parse_ini("[a]\nkey = x=y;z#1\n")), "x=y;z#1");
}

TEST(Ini, TakesBothKindsOfComment) {
  EXPECT_EQ(value_of(parse_ini("; one\n[a]\n  # two = 2\nkey = value\n;three = 3\n")), "value");
}

TEST(Ini, RefusesACommentBehindAValue) {
  EXPECT_THAT(ini_problems("[a]\nkey = 10min # often\n"),
              testing::ElementsAre("2: [a] key: a comment needs a line of its own"));
}

TEST(Ini, NamesBothLinesOfADuplicateKey) {
  EXPECT_THAT(ini_problems("[a]\nkey = 1\nother = 2\nkey = 1\n"),
              testing::ElementsAre("4: [a] key: set a second time, first in line 2"));
}

TEST(Ini, NamesBothLinesOfADuplicateSectionAndItsDuplicateKeys) {
  EXPECT_THAT(ini_problems("[a]\nkey = 1\n[b]\n[a]\nkey = 2\n"),
              testing::ElementsAre("4: [a]: a second time in this file, first in line 1",
                                   "5: [a] key: set a second time, first in line 2"));
}

TEST(Ini, ReadsOnAfterABadLine) {
  EXPECT_THAT(
      ini_problems("key = 1\n[a\nx = 1\n[b]\njunk\n=3\n"),
      testing::ElementsAre("1: key: stands in no section",
                           "2: '[a' is not a section like [storage] or [source.NAME]",
                           "5: 'junk' is neither 'key = value' nor a [section] nor a # comment",
                           "6: '=3' is neither 'key = value' nor a [section] nor a # comment"));
}

TEST(Ini, RefusesSectionNamesWithBlanksOrSlashes) {
  EXPECT_EQ(ini_problems("[a b]\n[a/b]\n[]\n[a]x\n[\n").size(), 5U);
}

TEST(Ini, RefusesControlCharacters) {
  using namespace std::string_literals;
  EXPECT_THAT(ini_problems("[a]\nkey = 1\x1b[2J\nother = \0\n"s),
              testing::ElementsAre("2: control character 0x1b in the line",
                                   "3: control character 0x00 in the line"));
}

TEST(Ini, KeepsUtf8) {
  EXPECT_EQ(value_of(parse_ini("[a]\nkey = Fähre €𝄞\n")), "Fähre €𝄞");
}

class IniNotUtf8 : public testing::TestWithParam<std::string> {};
TEST_P(IniNotUtf8, IsRefused) {
  EXPECT_THAT(ini_problems("[a]\nkey = " + GetParam() + "\n"),
              testing::ElementsAre("2: the line is not UTF-8 text"));
}
INSTANTIATE_TEST_SUITE_P(Bytes, IniNotUtf8,
                         testing::Values("\xE4", "\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF",
                                         "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                         "\xF5\x80\x80\x80", "\xE2\x82", "\xE2\x28\xA1"));

}  // namespace
}  // namespace ferry::config
