// What a request names, "/path?key=value": the same over every link. Pure; decodes in place.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "transports/dialects/dialect.hpp"

namespace ferry::dialects {

inline constexpr std::size_t most_parameters = 16;

// All views point into the block that was parsed.
struct Target {
  std::string_view path;  // percent-decoded, without query
  std::array<Field, most_parameters> parameter_storage;
  std::size_t parameter_count = 0;

  std::span<const Field> parameters() const { return {parameter_storage.data(), parameter_count}; }
};

// Parses `text`, a part of `block`, decoding inside it. False when it is not well-formed, hides a
// control character, or has too many parameters.
bool parse_target(std::span<char> block, std::string_view text, Target& target);

}  // namespace ferry::dialects
