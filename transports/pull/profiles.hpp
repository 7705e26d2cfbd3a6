// The products' sections as dialects need them.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "transports/dialects/dialect.hpp"
#include "transports/transport.hpp"

namespace ferry::pull {

// Reads and checks those of all products. `fallback`, the transport's `product =`, must be one of
// them, or "". The error says which key is wrong and what it should be. ErrorCode::invalid.
Result<std::vector<dialects::Profile>> read_profiles(const plugin::Host& host,
                                                     const std::string& fallback);

}  // namespace ferry::pull
