#include "transports/host/process.hpp"

#include <linux/capability.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace ferry::host {
namespace {

constexpr std::size_t thread_stack_bytes = 1U << 20U;

int close_range(unsigned first, unsigned last) {
  if (first > last) return 0;
  return static_cast<int>(::syscall(SYS_close_range, first, last, 0U));
}

Status keep_only_low_ports() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) return fail_errno(errno, "capabilities");
  // The bounding set can be lowered only by those who may; for others it is of no use to an
  // attacker, since no_new_privs is set.
  for (unsigned long capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (capability != CAP_NET_BIND_SERVICE) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  const unsigned low_ports = sets[0].permitted & (1U << CAP_NET_BIND_SERVICE);
  // Sandboxes forbid the call itself, and leave nothing to give up.
  if (sets[0].permitted == low_ports && sets[1].permitted == 0) return {};
  sets[0] = {low_ports, low_ports, 0};
  sets[1] = {};
  if (::syscall(SYS_capset, &header, sets) != 0) return fail_errno(errno, "capabilities");
  return {};
}

}  // namespace

Status close_inherited(int kept) {
  const auto link = static_cast<unsigned>(kept);
  if (kept <= STDERR_FILENO)
    return fail(ErrorCode::invalid, "the link cannot be a standard stream");
  if (close_range(STDERR_FILENO + 1, link - 1) != 0 || close_range(link + 1, ~0U) != 0) {
    return fail_errno(errno, "close_range");
  }
  return {};
}

Status lower_privileges() {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    return fail_errno(errno, "PR_SET_PDEATHSIG");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail_errno(errno, "PR_SET_NO_NEW_PRIVS");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno(errno, "PR_SET_DUMPABLE");
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return fail_errno(errno, "RLIMIT_CORE");
  return keep_only_low_ports();
}

void settle() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(number, SIG_IGN);
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) == 0) {
    ::pthread_attr_setstacksize(&attributes, thread_stack_bytes);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
  }
}

}  // namespace ferry::host
