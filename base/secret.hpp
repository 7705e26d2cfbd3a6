// Secrets that settings name by a file, so that they stand in no configuration.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ferry {

// The first line of a file that only its owner and group may read; `key` names it in errors, which
// show nothing of what stands in it. ErrorCode::denied: others may read it. Any thread.
Result<std::string> read_secret(std::string_view key, const std::filesystem::path& file);

}  // namespace ferry
