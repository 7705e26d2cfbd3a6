#include "agent/source/tuf/fields.hpp"

#include <algorithm>
#include <limits>

#include "base/hex.hpp"

namespace ferry::tuf {
namespace {

std::optional<unsigned> digits(std::string_view text) {
  unsigned value = 0;
  for (const char character : text) {
    if (character < '0' || character > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(character - '0');
  }
  return value;
}

// The hashes that are computed here. Weaker ones prove nothing.
std::optional<Algorithm> algorithm_of(std::string_view name) {
  if (name == "sha256") return Algorithm::sha256;
  if (name == "sha512") return Algorithm::sha512;
  return std::nullopt;
}

}  // namespace

std::optional<Time> parse_time(std::string_view text) {
  constexpr std::string_view form = "0000-00-00T00:00:00Z";
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '0' && text[i] != form[i]) return std::nullopt;
  }
  const auto year = digits(text.substr(0, 4));
  const auto month = digits(text.substr(5, 2));
  const auto day = digits(text.substr(8, 2));
  const auto hour = digits(text.substr(11, 2));
  const auto minute = digits(text.substr(14, 2));
  const auto second = digits(text.substr(17, 2));
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

Result<const Json*> object_at(const Json& parent, const char* key) {
  const auto found = parent.is_object() ? parent.find(key) : parent.end();
  if (found == parent.end() || !found->is_object()) {
    return fail(ErrorCode::invalid, std::string("'") + key + "' is missing or not an object");
  }
  return &*found;
}

Result<std::uint64_t> counting_at(const Json& parent, const char* key) {
  Result<std::uint64_t> value = formats::unsigned_at(parent, key);
  if (!value) return value;
  if (*value == 0 || *value >= std::numeric_limits<std::int64_t>::max()) {
    return fail(ErrorCode::invalid, std::string("'") + key + "' is out of its range");
  }
  return value;
}

Result<std::vector<std::string>> texts_at(const Json& parent, const char* key, bool unique,
                                          std::size_t most) {
  const auto found = parent.is_object() ? parent.find(key) : parent.end();
  if (found == parent.end() || !found->is_array() || found->size() > most) {
    return fail(ErrorCode::invalid,
                std::string("'") + key + "' is missing or not a list of reasonable length");
  }
  std::vector<std::string> texts;
  std::set<std::string> seen;
  for (const Json& entry : *found) {
    if (!entry.is_string()) {
      return fail(ErrorCode::invalid, std::string("'") + key + "' holds what is not text");
    }
    const std::string& text = entry.get_ref<const std::string&>();
    if (unique && !seen.insert(text).second) {
      return fail(ErrorCode::invalid, std::string("'") + key + "' holds the same twice");
    }
    texts.push_back(text);
  }
  return texts;
}

Result<Role> read_role(const Json& entry) {
  const Result<std::vector<std::string>> keyids = texts_at(entry, "keyids", true, most_signers);
  if (!keyids) return fail(keyids.error());
  const Result<std::uint64_t> threshold = counting_at(entry, "threshold");
  if (!threshold) return fail(threshold.error());
  Role role;
  role.keyids.insert(keyids->begin(), keyids->end());
  role.threshold = *threshold;
  return role;
}

Result<Keys> read_keys(const Json& parent) {
  const Result<const Json*> list = object_at(parent, "keys");
  if (!list) return fail(list.error());
  Keys keys;
  for (const auto& [keyid, entry] : (*list)->items()) {
    const Result<Key> key = Key::from_json(entry);
    if (!key) return fail(key.error(), "key " + keyid.substr(0, 64));
    keys.emplace(keyid, *key);
  }
  return keys;
}

Result<FileFacts> read_facts(const Json& entry, bool required) {
  FileFacts facts;
  if (!entry.is_object()) return fail(ErrorCode::invalid, "is not an object");
  if (required || entry.contains("length")) {
    const Result<std::uint64_t> length = formats::unsigned_at(entry, "length");
    if (!length) return fail(length.error());
    facts.length = *length;
  }
  if (!required && !entry.contains("hashes")) return facts;
  const Result<const Json*> list = object_at(entry, "hashes");
  if (!list) return fail(list.error());
  bool known = false;
  for (const auto& [algorithm, value] : (*list)->items()) {
    const auto bytes =
        value.is_string() ? from_hex(value.get_ref<const std::string&>()) : std::nullopt;
    if (!bytes) return fail(ErrorCode::invalid, "'hashes' holds what is not hex digits");
    known = known || algorithm_of(algorithm).has_value();
    facts.hashes.emplace(algorithm, to_hex(as_bytes(*bytes)));
  }
  if (!known) return fail(ErrorCode::invalid, "'hashes' has neither sha256 nor sha512");
  return facts;
}

FileCheck::FileCheck(FileFacts facts) : facts_(std::move(facts)) {
  for (const auto& [name, hex] : facts_.hashes) {
    const std::optional<Algorithm> algorithm = algorithm_of(name);
    if (algorithm) digesters_.emplace(name, Digester(*algorithm));
  }
}

Status FileCheck::update(Bytes content) {
  length_ += content.size();
  if (facts_.length && length_ > *facts_.length) {
    return fail(ErrorCode::too_large,
                "more than the " + std::to_string(*facts_.length) + " bytes that were stated");
  }
  for (auto& [name, digester] : digesters_) digester.update(content);
  return {};
}

Status FileCheck::finish() const {
  if (facts_.length && length_ != *facts_.length) {
    return fail(ErrorCode::corrupt, std::to_string(length_) + " bytes instead of the " +
                                        std::to_string(*facts_.length) + " that were stated");
  }
  for (const auto& [name, digester] : digesters_) {
    if (digester.hex() != facts_.hashes.at(name)) {
      return fail(ErrorCode::corrupt, name + " is not the one that was stated");
    }
  }
  return {};
}

}  // namespace ferry::tuf
