// JSON from outside, read within bounds. nlohmann-json is the parser; this is the guard in front.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace ferry::formats {

using Json = nlohmann::json;

struct JsonLimits {
  std::size_t bytes = 16U << 20U;
  int depth = 16;
};

// Parses one JSON value: UTF-8 checked, duplicate keys refused, no deeper than limits.depth, no
// larger than limits.bytes. `name` stands in front of the error ("index.json").
Result<Json> parse_json(std::string_view text, std::string_view name, JsonLimits limits = {});

// The string or unsigned integer at `key`; an error that names the key when it is missing or of
// another type. `optional_text` gives "" for a key that is missing.
Result<std::string> text_at(const Json& object, const char* key);
Result<std::string> optional_text(const Json& object, const char* key);
// true or false; false for a key that is missing.
Result<bool> optional_flag(const Json& object, const char* key);
Result<std::uint64_t> unsigned_at(const Json& object, const char* key);
// 64 lower-case hex digits.
Result<Sha256> sha256_at(const Json& object, const char* key);
// Fails unless `object` is an object whose "format" is exactly `format`.
Status check_format(const Json& object, std::string_view format);

// Never throws: text that is not UTF-8 is written with replacement characters.
std::string to_text(const Json& value);

}  // namespace ferry::formats
