#include "ctl/table.hpp"

#include <gtest/gtest.h>

namespace ferry::ctl {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirContent) {
  Table table({{"NAME"}, {"SIZE", true}, {"STATE"}});
  table.add({"a", "1.0 MiB", "complete"});
  table.add({"longer name", "9 B", "x"});
  EXPECT_EQ(table.text(),
            "NAME            SIZE  STATE\n"
            "a            1.0 MiB  complete\n"
            "longer name      9 B  x\n");
}

TEST(Table, AColumnWithoutContentIsLeftOut) {
  Table table({{"NAME"}, {"PROBLEM"}, {"STATE"}});
  table.add({"a", "", "idle"});
  EXPECT_EQ(table.text(), "NAME  STATE\na     idle\n");
}

TEST(Table, WidthCountsCharactersNotBytes) {
  Table table({{"NAME"}, {"N"}});
  table.add({"Größe", "1"});
  table.add({"12345", "2"});
  EXPECT_EQ(table.text(), "NAME   N\nGröße  1\n12345  2\n");
}

TEST(Table, MissingCellsAreEmptyAndControlCharactersHarmless) {
  Table table({{"NAME"}, {"STATE"}});
  table.add({"a\nb"});
  table.add({"c", "d"});
  EXPECT_EQ(table.text(), "NAME  STATE\na?b\nc     d\n");
}

TEST(Table, KnowsWhetherItIsEmpty) {
  Table table({{"NAME"}});
  EXPECT_TRUE(table.empty());
  table.add({"a"});
  EXPECT_FALSE(table.empty());
}

}  // namespace
}  // namespace ferry::ctl
