// Finding and loading a plugin.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "transports/transport.h"

namespace ferry::host {

// `name` is a bare name of [a-z0-9_-], never a path; the file is folder/name.so.
Result<std::filesystem::path> plugin_file(const std::filesystem::path& folder,
                                          const std::string& name);
// Loads it for good. Its constructors run here, on the calling thread.
Result<ferry_transport_entry> load_plugin(const std::filesystem::path& file);

}  // namespace ferry::host
