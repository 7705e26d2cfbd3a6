#include "formats/json.hpp"

#include <vector>

namespace ferry::formats {
namespace {

// Builds the value while refusing what nlohmann-json would let pass: deep nesting and duplicate
// keys.
class BoundedBuilder final : public nlohmann::json_sax<Json> {
 public:
  BoundedBuilder(Json& root, int depth) : root_(root), depth_(depth) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (open_.back()->contains(name)) return refuse("key '" + name + "' stands twice");
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return refuse("not JSON at byte " + std::to_string(position));
  }

  const std::string& problem() const { return problem_; }

 private:
  Json* add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool put(Json value) {
    add(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (static_cast<int>(open_.size()) >= depth_) {
      return refuse("nested deeper than " + std::to_string(depth_));
    }
    open_.push_back(add(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool refuse(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
    return false;
  }

  Json& root_;
  int depth_;
  std::vector<Json*> open_;
  std::string key_;
  std::string problem_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view name, JsonLimits limits) {
  if (text.size() > limits.bytes) {
    return fail(ErrorCode::too_large,
                std::string(name) + ": larger than " + std::to_string(limits.bytes) + " bytes");
  }
  Json value;
  BoundedBuilder builder(value, limits.depth);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return fail(
        ErrorCode::invalid,
        std::string(name) + ": " + (builder.problem().empty() ? "not JSON" : builder.problem()));
  }
  return value;
}

Result<std::string> text_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end() || !found->is_string()) {
    return fail(ErrorCode::invalid, std::string("'") + key + "' is missing or not a string");
  }
  return found->get<std::string>();
}

Result<std::string> optional_text(const Json& object, const char* key) {
  if (object.is_object() && !object.contains(key)) return std::string();
  return text_at(object, key);
}

Result<bool> optional_flag(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (object.is_object() && found == object.end()) return false;
  if (found == object.end() || !found->is_boolean()) {
    return fail(ErrorCode::invalid, std::string("'") + key + "' is neither true nor false");
  }
  return found->get<bool>();
}

Result<std::uint64_t> unsigned_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end() || !found->is_number_unsigned()) {
    return fail(ErrorCode::invalid, std::string("'") + key + "' is missing or not a whole number");
  }
  return found->get<std::uint64_t>();
}

Result<Sha256> sha256_at(const Json& object, const char* key) {
  const Result<std::string> text = text_at(object, key);
  if (!text) return fail(text.error());
  const std::optional<Sha256> digest = Sha256::from_hex(*text);
  // One writing only: texts are compared elsewhere.
  if (!digest || digest->hex() != *text) {
    return fail(ErrorCode::invalid, std::string("'") + key + "' is not 64 lower-case hex digits");
  }
  return *digest;
}

Status check_format(const Json& object, std::string_view format) {
  const Result<std::string> found = text_at(object, "format");
  if (!found) return fail(found.error());
  if (*found != format) {
    return fail(ErrorCode::invalid,
                "format is '" + found->substr(0, 64) + "', not '" + std::string(format) + "'");
  }
  return {};
}

std::string to_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ferry::formats
