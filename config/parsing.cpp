#include "config/parsing.hpp"

#include <algorithm>
#include <charconv>

#include "formats/utf8.hpp"

namespace ferry::config::values {
namespace {

constexpr std::size_t longest_device = 256;

}  // namespace

std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> between(std::string_view text, std::uint64_t least,
                                     std::uint64_t most) {
  const auto number = decimal(text);
  if (!number || *number < least || *number > most) return std::nullopt;
  return number;
}

bool is_device(std::string_view text) {
  return !text.empty() && text.size() <= longest_device && formats::is_utf8(text) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; });
}

}  // namespace ferry::config::values
