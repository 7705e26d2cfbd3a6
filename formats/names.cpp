#include <algorithm>

#include "formats/release.hpp"

namespace ferry::formats {
namespace {

constexpr std::size_t name_limit = 120;
constexpr std::size_t path_limit = 512;
constexpr int part_limit = 16;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '+' || c == '~' || c == '-';
}

// Length of the UTF-8 sequence that `text` begins with, 0 when it is none. Overlong forms,
// surrogates and values beyond U+10FFFF are none.
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (length == 0 || lead > 0xF4) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0U) != 0x80U) return 0;
  }
  const bool overlong = (lead == 0xE0 && at(1) < 0xA0) || (lead == 0xF0 && at(1) < 0x90);
  const bool out_of_range = (lead == 0xED && at(1) >= 0xA0) || (lead == 0xF4 && at(1) >= 0x90);
  return overlong || out_of_range ? 0 : length;
}

bool is_path_text(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x20 || first == 0x7F || first == '\\') return false;
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    // U+0080 to U+009F are control characters as well.
    if (first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// Calls `good` for each part between slashes; true when all are good and they are not too many.
template <typename Check>
bool all_parts(std::string_view path, Check good) {
  for (int parts = 1; parts <= part_limit; ++parts) {
    const std::size_t slash = path.find('/');
    if (!good(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
  return false;
}

}  // namespace

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_limit && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), is_name_character);
}

bool is_relative_path(std::string_view text) {
  return text.size() <= path_limit && is_path_text(text) &&
         all_parts(text, [](std::string_view part) {
           return !part.empty() && part != "." && part != "..";
         });
}

bool is_site_url(std::string_view text) {
  return text.size() <= path_limit && all_parts(text, is_name);
}

}  // namespace ferry::formats
