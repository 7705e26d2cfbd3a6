// The keys of one JSON object, taken one by one: typed, bounded, and none left over. The first
// problem is kept and told at the end, so that a reader of a message is a plain list of its fields.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "formats/json.hpp"

namespace ferry::formats::link {

// Not thread-safe; `object` must outlive it.
class Fields {
 public:
  explicit Fields(const Json& object);

  // After a problem these give empty values.
  std::string text(const char* key, std::size_t longest);
  std::string name(const char* key);           // is_name()
  std::string optional_name(const char* key);  // is_name() or ""
  std::uint64_t number(const char* key);
  int result(const char* key);  // a result of transport.h: 0..99
  int integer(const char* key, int least, int most);
  bool boolean(const char* key);
  Sha256 sha256(const char* key);
  std::map<std::string, std::string> texts(const char* key, std::size_t longest);
  // The texts of an object found inside the value of `key`.
  std::map<std::string, std::string> texts_in(const char* key, const Json& object,
                                              std::size_t longest);
  // Calls `each` for every element of an array of at most `most`.
  void list(const char* key, std::size_t most, const std::function<void(const Json&)>& each);
  // Calls `each` unless the value is null.
  void maybe(const char* key, const std::function<void(const Json&)>& each);

  void refuse(std::string_view key, std::string_view why);
  // The first problem, or keys that nobody took.
  Status end() const;
  // Takes a problem of an object inside this one over.
  void inside(std::string_view key, const Status& status);

 private:
  const Json* take(const char* key);

  const Json& object_;
  std::size_t taken_ = 0;
  std::optional<Error> problem_;
};

}  // namespace ferry::formats::link
