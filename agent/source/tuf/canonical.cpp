#include "agent/source/tuf/canonical.hpp"

#include <cstdint>

namespace ferry::tuf {
namespace {

void write_text(std::string& out, const std::string& text) {
  out.push_back('"');
  for (const char character : text) {
    if (character == '"' || character == '\\') out.push_back('\\');
    out.push_back(character);
  }
  out.push_back('"');
}

// False for what has no canonical form. Writing and checking are one walk, so that nothing can be
// accepted that could not be signed.
bool write(std::string& out, const Json& value, int depth) {
  switch (value.type()) {
    case Json::value_t::null:
      out += "null";
      return true;
    case Json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return true;
    case Json::value_t::number_integer:
      out += std::to_string(value.get<std::int64_t>());
      return true;
    case Json::value_t::number_unsigned:
      out += std::to_string(value.get<std::uint64_t>());
      return true;
    case Json::value_t::string:
      write_text(out, value.get_ref<const std::string&>());
      return true;
    case Json::value_t::array: {
      if (depth == 0) return false;
      out.push_back('[');
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (i > 0) out.push_back(',');
        if (!write(out, value[i], depth - 1)) return false;
      }
      out.push_back(']');
      return true;
    }
    case Json::value_t::object: {
      if (depth == 0) return false;
      out.push_back('{');
      bool first = true;
      for (const auto& [key, member] : value.items()) {
        if (!first) out.push_back(',');
        first = false;
        write_text(out, key);
        out.push_back(':');
        if (!write(out, member, depth - 1)) return false;
      }
      out.push_back('}');
      return true;
    }
    case Json::value_t::number_float:
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  return false;
}

bool has_fraction(const Json& value) {
  if (!value.is_structured()) return value.is_number_float();
  for (const Json& member : value) {
    if (has_fraction(member)) return true;
  }
  return false;
}

}  // namespace

Result<Json> parse_strict(std::string_view text, std::string_view name, std::size_t limit) {
  // The parser would skip it, so two texts would have one meaning.
  if (text.starts_with("\xEF\xBB\xBF")) {
    return fail(ErrorCode::invalid, std::string(name) + ": begins with a byte order mark");
  }
  formats::JsonLimits limits;
  limits.bytes = limit;
  limits.depth = deepest;
  Result<Json> value = formats::parse_json(text, name, limits);
  if (value && has_fraction(*value)) {
    return fail(ErrorCode::invalid,
                std::string(name) + ": holds a number that is not whole, or beyond 64 bits");
  }
  return value;
}

Result<std::string> canonical(const Json& value) {
  std::string out;
  if (!write(out, value, deepest)) {
    return fail(ErrorCode::invalid,
                "has no canonical form: a number that is not whole, or deeper "
                "than " +
                    std::to_string(deepest));
  }
  return out;
}

}  // namespace ferry::tuf
