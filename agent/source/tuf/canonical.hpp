// JSON as TUF metadata is read and signed: strict reading, and the canonical form of OLPC
// (http://wiki.laptop.org/go/Canonical_JSON), over which the signatures are made. Pure, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "formats/json.hpp"

namespace ferry::tuf {

using formats::Json;

// How deep values may lie in each other, the outermost counted.
constexpr int deepest = 32;

// One JSON value of at most `limit` bytes. Refused: duplicate keys, numbers with a fraction or an
// exponent or beyond 64 bits, values deeper than `deepest`, text that is not UTF-8, a byte order
// mark. `name` stands in front of the error ("root").
Result<Json> parse_strict(std::string_view text, std::string_view name, std::size_t limit);

// The canonical form: keys in the order of their bytes, no white space, in strings only the
// quotation mark and the backslash escaped. ErrorCode::invalid for a number that is not whole and
// for what is deeper than `deepest`.
Result<std::string> canonical(const Json& value);

}  // namespace ferry::tuf
