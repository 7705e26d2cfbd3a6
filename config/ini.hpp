// The INI reader: text → sections with line numbers. Pure, bounded, and complete in its complaints:
// it reads on after a bad line, so that one run shows all that is wrong.
//
//   [section]            letters, digits and . _ + ~ -
//   key = value          the value is the rest of the line without blanks around it
//   # comment, ; comment each on a line of its own
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ferry::config {

inline constexpr std::size_t max_file_bytes = 1U << 20U;
inline constexpr std::size_t max_line_bytes = 4096;

struct IniEntry {
  std::string key;
  std::string value;  // UTF-8 without control characters, possibly empty
  int line = 0;       // from 1
};

struct IniSection {
  std::string name;
  int line = 0;
  std::vector<IniEntry> entries;  // each key once
};

struct IniProblem {
  int line = 0;
  std::string text;
};

struct Ini {
  std::vector<IniSection> sections;  // each name once, in the order of the text
  std::vector<IniProblem> problems;  // in the order of the text
};

Ini parse_ini(std::string_view text);

}  // namespace ferry::config
