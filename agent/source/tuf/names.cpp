#include "agent/source/tuf/names.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ferry::tuf {
namespace {

constexpr std::size_t longest_file_name = 200;  // leaves room for what is put behind it

bool is_unreserved(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') || character == '-' || character == '.' ||
         character == '_' || character == '~';
}

// Each star is tried from the last one on only: linear in practice, at worst the product of the
// two lengths, whatever the pattern.
bool matches_segment(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t star = std::string_view::npos;
  std::size_t after_star = 0;
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      after_star = at;
    } else if (in_pattern < pattern.size() &&
               (pattern[in_pattern] == '?' || pattern[in_pattern] == text[at])) {
      ++in_pattern;
      ++at;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

std::size_t suffix_digits(const SuccinctRoles& roles) {
  return (roles.bit_length + 3) / 4;
}

}  // namespace

std::string percent_encoded(std::string_view text, bool keep_slashes) {
  std::string encoded;
  for (const char character : text) {
    if (is_unreserved(character) || (keep_slashes && character == '/')) {
      encoded.push_back(character);
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(character));
    }
  }
  return encoded;
}

std::string safe_file_name(std::string_view text) {
  std::string encoded = percent_encoded(text);
  // "." and ".." would be folders.
  if (encoded.find_first_not_of('.') == std::string::npos) {
    std::string dots;
    for (std::size_t i = 0; i < encoded.size() && i <= longest_file_name; ++i) dots += "%2E";
    encoded = dots;
  }
  if (encoded.empty() || encoded.size() > longest_file_name) {
    return "%sha256-" + Sha256::of(as_bytes(text)).hex();
  }
  return encoded;
}

bool matches_pattern(std::string_view path, std::string_view pattern) {
  for (;;) {
    const std::size_t path_end = path.find('/');
    const std::size_t pattern_end = pattern.find('/');
    if ((path_end == std::string_view::npos) != (pattern_end == std::string_view::npos)) {
      return false;
    }
    if (!matches_segment(path.substr(0, path_end), pattern.substr(0, pattern_end))) return false;
    if (path_end == std::string_view::npos) return true;
    path.remove_prefix(path_end + 1);
    pattern.remove_prefix(pattern_end + 1);
  }
}

bool covers(const DelegatedRole& role, std::string_view path, std::string_view hash) {
  const auto fits = [&](const std::string& pattern) { return matches_pattern(path, pattern); };
  if (std::any_of(role.paths.begin(), role.paths.end(), fits)) return true;
  return std::any_of(role.hash_prefixes.begin(), role.hash_prefixes.end(),
                     [&](const std::string& prefix) { return hash.starts_with(prefix); });
}

std::string succinct_role_for(const SuccinctRoles& roles, std::string_view path) {
  const Sha256 hash = Sha256::of(as_bytes(path));
  std::uint32_t first = 0;
  for (int i = 0; i < 4; ++i) first = (first << 8U) | std::to_integer<std::uint32_t>(hash.bytes[i]);
  const std::uint32_t bin = first >> (32 - roles.bit_length);
  return fmt::format("{}-{:0{}x}", roles.name_prefix, bin, suffix_digits(roles));
}

bool is_succinct_role(const SuccinctRoles& roles, std::string_view name) {
  if (!name.starts_with(roles.name_prefix + "-")) return false;
  const std::string_view suffix = name.substr(roles.name_prefix.size() + 1);
  if (suffix.size() != suffix_digits(roles)) return false;
  std::uint64_t bin = 0;
  for (const char character : suffix) {
    const bool number = character >= '0' && character <= '9';
    if (!number && (character < 'a' || character > 'f')) return false;
    bin = bin * 16 + static_cast<std::uint64_t>(number ? character - '0' : character - 'a' + 10);
  }
  return bin < (std::uint64_t{1} << roles.bit_length);
}

}  // namespace ferry::tuf
