// Starting a transport host: the process, and this end of the socket to it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"

namespace ferry::agent {

struct HostProgram {
  std::filesystem::path program;
  std::filesystem::path plugin_folder;
  std::filesystem::path packs_folder;
};

struct HostProcess {
  pid_t pid = 0;
  Descriptor exit;  // a pidfd: readable when the process has ended and can be waited for
  Descriptor link;  // SOCK_SEQPACKET, see base/link.hpp
};

// The process inherits standard error and its end of the link, and of the environment what the log
// and sanitizers need. It must be waited for by the caller.
Result<HostProcess> start_host(const HostProgram& host, const std::string& plugin);

// "exit status 1", "killed by signal 9 (Killed)", from what waitpid says.
std::string describe_exit(int wait_status);

}  // namespace ferry::agent
