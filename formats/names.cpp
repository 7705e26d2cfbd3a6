#include <algorithm>

#include "formats/release.hpp"
#include "formats/utf8.hpp"

namespace ferry::formats {
namespace {

constexpr std::size_t name_limit = 120;
constexpr std::size_t path_limit = 512;
constexpr int part_limit = 16;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '+' || c == '~' || c == '-';
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
