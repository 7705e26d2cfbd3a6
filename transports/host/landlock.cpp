#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.hpp"
#include "transports/host/jail.hpp"

namespace ferry::host {
namespace {

// Newer kernels know more than Debian 12's headers; the numbers are the kernel's ABI.
constexpr std::uint64_t fs_rights_abi1 = (1ULL << 13U) - 1;
constexpr std::uint64_t fs_refer = 1ULL << 13U;                   // ABI 2
constexpr std::uint64_t fs_truncate = 1ULL << 14U;                // ABI 3
constexpr std::uint64_t fs_ioctl_dev = 1ULL << 15U;               // ABI 5
constexpr std::uint64_t net_connect_tcp = 1ULL << 1U;             // ABI 4
constexpr std::uint64_t scope_abstract_unix_socket = 1ULL << 0U;  // ABI 6
constexpr std::uint64_t scope_signal = 1ULL << 1U;

struct Ruleset {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};

// What this kernel can confine, and how much of the struct it knows.
std::pair<Ruleset, std::size_t> ruleset_of(int abi, Reach reach) {
  Ruleset rules{fs_rights_abi1, 0, 0};
  std::size_t size = sizeof rules.handled_access_fs;
  if (abi >= 2) rules.handled_access_fs |= fs_refer;
  if (abi >= 3) rules.handled_access_fs |= fs_truncate;
  if (abi >= 4) {
    if (reach != Reach::broker) rules.handled_access_net = net_connect_tcp;
    size += sizeof rules.handled_access_net;
  }
  if (abi >= 5) rules.handled_access_fs |= fs_ioctl_dev;
  if (abi >= 6) {
    rules.scoped = scope_abstract_unix_socket | scope_signal;
    size += sizeof rules.scoped;
  }
  return {rules, size};
}

Status allow_reading(int ruleset, const std::filesystem::path& path) {
  const Descriptor opened(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!opened) {
    if (errno == ENOENT) return {};
    return fail_errno(errno, "jail: " + path.string());
  }
  struct stat status {};
  if (::fstat(opened.get(), &status) != 0) return fail_errno(errno, "jail: " + path.string());
  landlock_path_beneath_attr beneath{};
  beneath.parent_fd = opened.get();
  beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (S_ISDIR(status.st_mode)) beneath.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0) {
    return fail_errno(errno, "jail: " + path.string());
  }
  return {};
}

}  // namespace

Status confine_files(const std::vector<std::filesystem::path>& readable, Reach reach) {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) {
    return fail(ErrorCode::unavailable,
                "this kernel has no Landlock, without which no transport may run; boot one with "
                "CONFIG_SECURITY_LANDLOCK and 'landlock' in its lsm= list");
  }
  const auto [rules, size] = ruleset_of(static_cast<int>(abi), reach);
  const Descriptor ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rules, size, 0)));
  if (!ruleset) return fail_errno(errno, "jail: landlock_create_ruleset");
  for (const std::filesystem::path& path : readable) {
    if (Status allowed = allow_reading(ruleset.get(), path); !allowed) return allowed;
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return fail_errno(errno, "jail: landlock_restrict_self");
  }
  return {};
}

}  // namespace ferry::host
