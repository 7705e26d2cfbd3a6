// The jail around a plugin: what it may do with files (Landlock) and which system calls it may make
// (seccomp). Both hold for the calling thread and for all it starts, so they are set before any
// other thread exists, and nothing undoes them.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.hpp"
#include "transports/host/reach.hpp"

namespace ferry::host {

// From here on only files in and below `readable` can be opened, for reading alone; no path can be
// made, removed, renamed, truncated or run; where the kernel knows how, TCP connections cannot be
// opened except by Reach::broker, and neither signals nor abstract unix sockets reach out of the
// process. May be called again to allow less. A path that does not exist is left out.
// ErrorCode::unavailable: this kernel has no Landlock.
Status confine_files(const std::vector<std::filesystem::path>& readable, Reach reach);

// From here on system calls fail with EPERM that run programs, make processes, look into or signal
// others, open sockets or connections beyond `reach`, change files' attributes, or administer the
// system.
Status confine_calls(Reach reach);

}  // namespace ferry::host
