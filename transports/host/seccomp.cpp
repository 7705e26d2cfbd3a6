#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <linux/fs.h>
#include <linux/sched.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "transports/host/jail.hpp"

namespace ferry::host {
namespace {

// Never, whatever the arguments.
constexpr auto denied = std::to_array<std::string_view>({
    // running programs and making processes: one that outlived the host would keep its ports
    "execve",
    "execveat",
    "fork",
    "vfork",
    "memfd_create",
    "memfd_secret",
    "userfaultfd",
    // looking into other processes, and signalling or slowing them
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "process_mrelease",
    "kcmp",
    "pidfd_open",
    "pidfd_getfd",
    "pidfd_send_signal",
    "tkill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "setpriority",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "sched_setaffinity",
    "ioprio_set",
    "migrate_pages",
    "move_pages",
    // other ways to make what the rules below refuse
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "openat2",
    "bpf",
    "perf_event_open",
    "name_to_handle_at",
    "open_by_handle_at",
    "fanotify_init",
    // changing files, which Landlock does not cover (truncation: on kernels before 6.2)
    "truncate",
    "truncate64",
    "creat",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "lchown",
    "fchown",
    "fchownat",
    "chown32",
    "lchown32",
    "fchown32",
    "utime",
    "utimes",
    "futimesat",
    "utimensat",
    "utimensat_time64",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "mknod",
    "mknodat",
    // namespaces and mounts
    "unshare",
    "setns",
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "swapon",
    "swapoff",
    "quotactl",
    "quotactl_fd",
    // the kernel, its keys and its clock
    "add_key",
    "request_key",
    "keyctl",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "syslog",
    "acct",
    "settimeofday",
    "stime",
    "clock_settime",
    "clock_settime64",
    "clock_adjtime",
    "clock_adjtime64",
    "adjtimex",
    "sethostname",
    "setdomainname",
    "iopl",
    "modify_ldt",
    "uselib",
    "ioperm",
    "personality",
    "lookup_dcookie",
    "nfsservctl",
    "vhangup",
    // talking to other processes through the kernel
    "shmget",
    "shmat",
    "shmctl",
    "semget",
    "semop",
    "semctl",
    "semtimedop",
    "msgget",
    "msgsnd",
    "msgrcv",
    "msgctl",
    "mq_open",
    "mq_unlink",
});

constexpr int last_family = 45;
// Calls added to the kernel after the list above was written (chmod and setxattr by other names,
// and more) do not exist here, so that programs fall back to those that do. All architectures share
// these numbers.
constexpr int first_unknown_call = 451;
constexpr int last_unknown_call = 511;

// Adds rules until one fails, and remembers that it did.
class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ALLOW), ::seccomp_release) {
    if (!context_) problem_ = -ENOMEM;
  }
  template <typename... Conditions>
  void refuse(int call, Conditions... conditions) {
    refuse_with(EPERM, call, conditions...);
  }
  template <typename... Conditions>
  void refuse_with(std::uint32_t error, int call, Conditions... conditions) {
    if (problem_ != 0 || call == __NR_SCMP_ERROR) return;
    const int added = ::seccomp_rule_add(context_.get(), SCMP_ACT_ERRNO(error), call,
                                         sizeof...(conditions), conditions...);
    // -EDOM, -EINVAL for a call that this architecture does not have
    if (added != 0 && call >= 0) problem_ = added;
  }
  Status load() {
    if (problem_ == 0) problem_ = ::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (problem_ == 0) problem_ = ::seccomp_load(context_.get());
    if (problem_ != 0) return fail_errno(-problem_, "jail: seccomp");
    return {};
  }

 private:
  std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, decltype(&::seccomp_release)> context_;
  int problem_ = 0;
};

scmp_arg_cmp has_flags(unsigned argument, std::uint64_t flags) {
  return {argument, SCMP_CMP_MASKED_EQ, flags, flags};
}
scmp_arg_cmp lacks_flags(unsigned argument, std::uint64_t flags) {
  return {argument, SCMP_CMP_MASKED_EQ, flags, 0};
}
scmp_arg_cmp is_not(unsigned argument, std::uint64_t value) {
  return {argument, SCMP_CMP_NE, value, 0};
}
// An argument of which the kernel looks at 32 bits: what stands above them must not hide it.
scmp_arg_cmp is_int(unsigned argument, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, 0xFFFF'FFFFULL, value};
}

// A signal, a limit or a thread only of this process itself.
void keep_to_itself(Filter& filter) {
  const auto self = static_cast<std::uint64_t>(::getpid());
  filter.refuse(SCMP_SYS(kill), is_not(0, self));
  filter.refuse(SCMP_SYS(tgkill), is_not(0, self));
  filter.refuse(SCMP_SYS(prlimit64), is_not(0, 0));
  // Threads yes, processes no. glibc falls back from clone3, whose flags cannot be seen, to clone.
  filter.refuse(SCMP_SYS(clone), lacks_flags(0, CLONE_THREAD));
  filter.refuse_with(ENOSYS, SCMP_SYS(clone3));
  // A descriptor can be made to signal anybody of the same user.
  for (const int command : {F_SETOWN, F_SETOWN_EX, F_SETSIG, F_SETLEASE, F_NOTIFY}) {
    const auto value = static_cast<std::uint64_t>(command);
    filter.refuse(SCMP_SYS(fcntl), is_int(1, value));
    filter.refuse(SCMP_SYS(fcntl64), is_int(1, value));
  }
  // ... and a terminal to read what nobody typed.
  for (const unsigned request : {FIOSETOWN, SIOCSPGRP, TIOCSTI, TIOCLINUX, TIOCSPGRP}) {
    filter.refuse(SCMP_SYS(ioctl), is_int(1, request));
  }
}

bool is_needed(int family, Reach reach) {
  if (reach == Reach::bluetooth) return family == AF_BLUETOOTH;
  return family == AF_INET || family == AF_INET6;
}

void keep_to_reach(Filter& filter, Reach reach) {
  for (const int call : {SCMP_SYS(socket), SCMP_SYS(socketpair)}) {
    for (int family = 0; family <= last_family; ++family) {
      if (is_needed(family, reach)) continue;
      filter.refuse(call, is_int(0, static_cast<std::uint64_t>(family)));
    }
    filter.refuse(call, scmp_arg_cmp{0, SCMP_CMP_GT, static_cast<std::uint64_t>(last_family), 0});
  }
  if (reach == Reach::called) filter.refuse(SCMP_SYS(connect));
  // Opens a TCP connection without connect().
  filter.refuse(SCMP_SYS(sendto), has_flags(3, MSG_FASTOPEN));
  filter.refuse(SCMP_SYS(sendmsg), has_flags(2, MSG_FASTOPEN));
  filter.refuse(SCMP_SYS(sendmmsg), has_flags(3, MSG_FASTOPEN));
}

// Landlock refuses writing; kernels before 6.2 let O_TRUNC pass with reading.
void keep_files_whole(Filter& filter) {
  filter.refuse(SCMP_SYS(open), has_flags(1, O_TRUNC));
  filter.refuse(SCMP_SYS(openat), has_flags(2, O_TRUNC));
  // Attributes can be set through a descriptor that only reads.
  for (const std::uint64_t request : {FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR}) {
    filter.refuse(SCMP_SYS(ioctl), is_int(1, request));
  }
}

}  // namespace

Status confine_calls(Reach reach) {
  Filter filter;
  for (const std::string_view name : denied) {
    filter.refuse(::seccomp_syscall_resolve_name(std::string(name).c_str()));
  }
  keep_to_itself(filter);
  keep_to_reach(filter, reach);
  keep_files_whole(filter);
  for (int call = first_unknown_call; call <= last_unknown_call; ++call) {
    filter.refuse_with(ENOSYS, call);
  }
  return filter.load();
}

}  // namespace ferry::host
