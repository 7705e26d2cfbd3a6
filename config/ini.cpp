#include "config/ini.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "formats/utf8.hpp"

namespace ferry::config {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_section_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || std::string_view("._+~-").find(c) != std::string_view::npos;
  });
}

bool is_key(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '-';
  });
}

// Why the characters of a line cannot be accepted, if so. Values go on to logs, JSON and MQTT.
std::optional<std::string> bad_characters(std::string_view line) {
  while (!line.empty()) {
    const auto lead = static_cast<unsigned char>(line.front());
    if ((lead < 0x20 && lead != '\t') || lead == 0x7F) {
      return fmt::format("control character 0x{:02x} in the line", lead);
    }
    const std::size_t length = formats::utf8_length(line);
    if (length == 0) return "the line is not UTF-8 text";
    line.remove_prefix(length);
  }
  return std::nullopt;
}

class Parser {
 public:
  Ini parse(std::string_view text) {
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      ++line_;
      parse_line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::move(ini_);
  }

 private:
  void complain(std::string text) { ini_.problems.push_back({line_, std::move(text)}); }

  void parse_line(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > max_line_bytes) {
      return complain(fmt::format("the line is longer than {} bytes", max_line_bytes));
    }
    if (auto why = bad_characters(line)) return complain(*why);
    line = trim(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') return;
    if (line.front() == '[') return open_section(line);
    add_entry(line);
  }

  void open_section(std::string_view line) {
    section_ = no_section;
    // What follows a header that cannot be read is not complained about line by line.
    skip_ = true;
    if (line.back() != ']' || !is_section_name(line.substr(1, line.size() - 2))) {
      return complain(fmt::format("'{}' is not a section like [storage] or [source.NAME]", line));
    }
    skip_ = false;
    const std::string name(line.substr(1, line.size() - 2));
    const auto [known, is_new] = sections_.emplace(name, ini_.sections.size());
    section_ = known->second;
    if (is_new) {
      ini_.sections.push_back({name, line_, {}});
    } else {
      complain(fmt::format("[{}]: a second time in this file, first in line {}", name,
                           ini_.sections[section_].line));
    }
  }

  void add_entry(std::string_view line) {
    if (skip_) return;
    const auto equals = line.find('=');
    const auto key = trim(line.substr(0, equals));
    if (equals == std::string_view::npos || !is_key(key)) {
      return complain(
          fmt::format("'{}' is neither 'key = value' nor a [section] nor a # comment", line));
    }
    if (section_ == no_section) return complain(fmt::format("{}: stands in no section", key));
    auto& section = ini_.sections[section_];
    const auto value = trim(line.substr(equals + 1));
    if (value.find(" #") != std::string_view::npos || value.find("\t#") != std::string_view::npos) {
      return complain(fmt::format("[{}] {}: a comment needs a line of its own", section.name, key));
    }
    const auto [first, is_new] = keys_.emplace(std::pair(section_, std::string(key)), line_);
    if (!is_new) {
      return complain(fmt::format("[{}] {}: set a second time, first in line {}", section.name, key,
                                  first->second));
    }
    section.entries.push_back({std::string(key), std::string(value), line_});
  }

  static constexpr std::size_t no_section = static_cast<std::size_t>(-1);

  Ini ini_;
  int line_ = 0;
  std::size_t section_ = no_section;
  bool skip_ = false;
  std::map<std::string, std::size_t> sections_;
  std::map<std::pair<std::size_t, std::string>, int> keys_;  // → line where it was set first
};

}  // namespace

Ini parse_ini(std::string_view text) {
  return Parser().parse(text);
}

}  // namespace ferry::config
