// Base64 (RFC 4648): how JSON carries bytes, and how people paste keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"

namespace ferry {

// Standard alphabet, with padding, on one line.
std::string to_base64(Bytes content);

// The bytes, or nothing unless `text` is exactly what an encoder writes: padded, no white space, no
// bits set beyond the last byte. The standard and the URL-safe alphabet are both read.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace ferry
