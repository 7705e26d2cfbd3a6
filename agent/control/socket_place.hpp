// The place of a unix socket in the file system.
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace ferry::control {

// What a dead agent left at `path` is removed. ErrorCode::exists: a live one answers there;
// ErrorCode::invalid: it is no socket. Does not block.
Status clear_the_way(const std::filesystem::path& path);

}  // namespace ferry::control
