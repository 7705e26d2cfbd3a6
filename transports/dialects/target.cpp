#include "transports/dialects/target.hpp"

#include <algorithm>
#include <optional>

#include "base/hex.hpp"

namespace ferry::dialects {
namespace {

// Decodes inside `block`, of which `text` is a part; nothing when it is not well-formed, or hides a
// control character.
std::optional<std::string_view> decoded(std::span<char> block, std::string_view text) {
  char* const begin = block.data() + (text.data() - block.data());
  char* out = begin;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return std::nullopt;
    *out++ = c;
  }
  return std::string_view(begin, static_cast<std::size_t>(out - begin));
}

// "key=value&…"; '+' stands for itself, since versions have it and no client here sends forms.
bool parse_query(std::span<char> block, std::string_view text, Target& target) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (target.parameter_count == most_parameters) return false;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = decoded(block, pair.substr(0, equals));
    const auto value = decoded(block, pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) return false;
    target.parameter_storage[target.parameter_count++] = {*name, *value};
  }
  return true;
}

}  // namespace

bool parse_target(std::span<char> block, std::string_view text, Target& target) {
  target.parameter_count = 0;
  constexpr std::string_view scheme = "http://";
  if (text.starts_with(scheme)) {  // as proxies write it
    const std::size_t path = text.find('/', scheme.size());
    if (path == std::string_view::npos) return false;
    text.remove_prefix(path);
  }
  if (!text.starts_with('/')) return false;
  text = text.substr(0, text.find('#'));
  const std::size_t mark = text.find('?');
  const auto path = decoded(block, text.substr(0, mark));
  if (!path) return false;
  target.path = *path;
  return mark == std::string_view::npos || parse_query(block, text.substr(mark + 1), target);
}

}  // namespace ferry::dialects
