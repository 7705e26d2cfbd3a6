// Fields of the API's JSON. What is missing or of another type reads as nothing, so that an older
// ferryctl shows what it can of a newer agent.
#pragma once

#include <cstdint>
#include <string>

#include "formats/json.hpp"

namespace ferry::ctl {

using formats::Json;

inline const Json& member(const Json& object, const char* key) {
  static const Json none;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? none : *found;
}

inline std::string text_of(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

inline std::uint64_t number_of(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

inline bool flag_of(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

}  // namespace ferry::ctl
