#include "formats/link_fields.hpp"

#include <fmt/format.h>

#include "formats/link_messages.hpp"
#include "formats/release.hpp"

namespace ferry::formats::link {

Fields::Fields(const Json& object) : object_(object) {
  if (!object.is_object()) problem_ = Error{ErrorCode::invalid, "is not an object"};
}

const Json* Fields::take(const char* key) {
  if (problem_) return nullptr;
  const auto found = object_.find(key);
  if (found == object_.end()) {
    refuse(key, "is missing");
    return nullptr;
  }
  ++taken_;
  return &*found;
}

void Fields::refuse(std::string_view key, std::string_view why) {
  if (!problem_) problem_ = Error{ErrorCode::invalid, fmt::format("'{}' {}", key, why)};
}

void Fields::inside(std::string_view key, const Status& status) {
  if (!status) refuse(key, status.error().message);
}

Status Fields::end() const {
  if (problem_) return fail(*problem_);
  if (taken_ != object_.size()) return fail(ErrorCode::invalid, "has keys that nobody knows");
  return {};
}

std::string Fields::text(const char* key, std::size_t longest) {
  const Json* value = take(key);
  if (value == nullptr) return {};
  if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    if (is_plain_text(text, longest)) return text;
  }
  refuse(key, "is not a plain text, or too long");
  return {};
}

std::string Fields::name(const char* key) {
  std::string value = optional_name(key);
  if (value.empty()) refuse(key, "is empty");
  return value;
}

std::string Fields::optional_name(const char* key) {
  std::string value = text(key, longest_id);
  if (!value.empty() && !is_name(value)) refuse(key, "is not a name");
  return value;
}

std::uint64_t Fields::number(const char* key) {
  const Json* value = take(key);
  if (value == nullptr) return 0;
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  refuse(key, "is not a whole number");
  return 0;
}

int Fields::result(const char* key) {
  const std::uint64_t value = number(key);
  if (value > 99) refuse(key, "is not a result");
  return static_cast<int>(value % 100);
}

int Fields::integer(const char* key, int least, int most) {
  const Json* value = take(key);
  if (value == nullptr) return least;
  if (value->is_number_integer()) {
    const auto number = value->get<std::int64_t>();
    if (number >= least && number <= most) return static_cast<int>(number);
  }
  refuse(key, "is no number of those that may be");
  return least;
}

bool Fields::boolean(const char* key) {
  const Json* value = take(key);
  if (value == nullptr) return false;
  if (value->is_boolean()) return value->get<bool>();
  refuse(key, "is neither true nor false");
  return false;
}

Sha256 Fields::sha256(const char* key) {
  const std::optional<Sha256> value = Sha256::from_hex(text(key, 64));
  if (!value) refuse(key, "is not a SHA-256");
  return value.value_or(Sha256());
}

std::map<std::string, std::string> Fields::texts(const char* key, std::size_t longest) {
  const Json* object = take(key);
  if (object == nullptr) return {};
  return texts_in(key, *object, longest);
}

std::map<std::string, std::string> Fields::texts_in(const char* key, const Json& object,
                                                    std::size_t longest) {
  std::map<std::string, std::string> values;
  if (!object.is_object()) refuse(key, "is not an object");
  for (const auto& [name, value] : object.items()) {
    if (!value.is_string() || value.get_ref<const std::string&>().size() > longest) {
      refuse(key, "holds what is not a text, or too long");
      return {};
    }
    values.emplace(name, value.get_ref<const std::string&>());
  }
  return values;
}

void Fields::list(const char* key, std::size_t most, const std::function<void(const Json&)>& each) {
  const Json* array = take(key);
  if (array == nullptr) return;
  if (!array->is_array() || array->size() > most) {
    refuse(key, "is not an array, or too long");
    return;
  }
  for (const Json& element : *array) {
    if (problem_) return;
    each(element);
  }
}

void Fields::maybe(const char* key, const std::function<void(const Json&)>& each) {
  const Json* value = take(key);
  if (value != nullptr && !value->is_null()) each(*value);
}

}  // namespace ferry::formats::link
