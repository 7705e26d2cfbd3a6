#include "agent/host_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/link.hpp"

namespace ferry::agent {
namespace {

constexpr int link_number = 3;  // in the new process

// Nothing else of the agent's environment is the host's business.
constexpr std::array inherited_variables = {
    std::string_view("JOURNAL_STREAM="), std::string_view("ASAN_OPTIONS="),
    std::string_view("UBSAN_OPTIONS="),  std::string_view("LSAN_OPTIONS="),
    std::string_view("TSAN_OPTIONS="),
};

std::vector<char*> environment() {
  std::vector<char*> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    for (const std::string_view name : inherited_variables) {
      if (std::string_view(*variable).starts_with(name)) kept.push_back(*variable);
    }
  }
  kept.push_back(nullptr);
  return kept;
}

// What posix_spawn does in the child. Everything that is not named here is closed.
class ChildSetup {
 public:
  explicit ChildSetup(int link) {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, link, link_number);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, link_number + 1);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~ChildSetup() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  ChildSetup(const ChildSetup&) = delete;
  ChildSetup& operator=(const ChildSetup&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

}  // namespace

Result<HostProcess> start_host(const HostProgram& host, const std::string& plugin) {
  auto ends = link::make_pair();
  if (!ends) return fail(ends.error());
  const ChildSetup setup(ends->second.get());
  std::vector<std::string> words = {host.program.string(), plugin, std::to_string(link_number),
                                    host.plugin_folder.string(), host.packs_folder.string()};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::vector<char*> variables = environment();

  HostProcess process;
  const int problem = ::posix_spawn(&process.pid, host.program.c_str(), &setup.actions,
                                    &setup.attributes, arguments.data(), variables.data());
  if (problem != 0) return fail_errno(problem, host.program.string());
  process.exit = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!process.exit) {
    const int error_number = errno;
    ::kill(process.pid, SIGKILL);
    ::waitpid(process.pid, nullptr, 0);
    return fail_errno(error_number, "pidfd_open");
  }
  process.link = std::move(ends->first);
  return process;
}

std::string describe_exit(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int number = WTERMSIG(wait_status);
    return fmt::format("killed by signal {} ({})", number, ::strsignal(number));
  }
  return fmt::format("exit status {}", WEXITSTATUS(wait_status));
}

}  // namespace ferry::agent
