// CBOR (RFC 8949) from outside, read within bounds. nlohmann-json is the parser; this is the guard
// in front, which scans without recursion before a value is built. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "formats/json.hpp"

namespace ferry::formats {

struct CborLimits {
  std::size_t bytes = 64U << 10U;
  int depth = 8;             // maps and arrays inside each other
  std::size_t items = 4096;  // values and keys altogether
};

// Reads exactly one CBOR value; byte strings become binary values. Lengths may be definite or
// indefinite. Refused with ErrorCode::invalid: a declared size beyond the input, duplicate keys,
// keys that are no text of one piece, text that is not UTF-8, tags, undefined and unassigned simple
// values, negative integers below -2^63, anything after the value. ErrorCode::too_large: a limit.
// `name` stands in front of the error ("SMP answer").
Result<Json> parse_cbor(Bytes content, std::string_view name, CborLimits limits = {});

// Writes CBOR piece by piece with definite lengths and shortest heads, into a string that it owns.
// Whoever calls keeps the count that map() and array() announced; keys in the order of RFC 8949,
// section 4.2.1 (shorter ones first) make the encoding deterministic.
class CborWriter {
 public:
  CborWriter& map(std::size_t pairs) { return head(5, pairs); }
  CborWriter& array(std::size_t values) { return head(4, values); }
  CborWriter& text(std::string_view value);
  CborWriter& bytes(Bytes value);
  CborWriter& number(std::uint64_t value) { return head(0, value); }
  CborWriter& boolean(bool value);

  const std::string& content() const { return content_; }
  std::string take() { return std::move(content_); }

  // Bytes of a head whose number is `value`: 1, 2, 3, 5 or 9.
  static std::size_t head_size(std::uint64_t value);

 private:
  CborWriter& head(unsigned major, std::uint64_t value);

  std::string content_;
};

}  // namespace ferry::formats
