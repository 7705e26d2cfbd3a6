// What a plugin that was broken into might try. Header-only, since it is compiled into the plugin
// `jailbreak` and, to show that each attempt does work without the jail, into a test of its own.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace ferry::contract {

// What stands around the jail; every path and process is the test's own.
struct Surroundings {
  std::string catalog;     // a file, as catalog.db
  std::string key;         // a file, as the cloud's key
  std::string pack;        // a sealed pack
  std::string spare_pack;  // another file among the packs
  std::string packs_folder;
  std::string control_socket;  // somebody listens there
  std::string terminal;        // a line that was not handed over
  int tcp_port = 0;            // somebody listens there, on 127.0.0.1
  pid_t bystander = 0;         // a process of the same user, in the agent's place
};

struct Attempt {
  std::string name;
  // 0 when it worked, else errno.
  std::function<int(const Surroundings&)> run;
};

namespace attempts {

inline int result(long value) {
  return value < 0 ? errno : 0;
}
inline int closed(int fd) {
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}
inline int read_one(const std::string& path) {
  return closed(::open(path.c_str(), O_RDONLY));
}

inline int connect_unix(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return errno;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int error = result(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
  ::close(fd);
  return error;
}

// By the number of the call with bits above the 32 that the kernel looks at.
inline int disguised_unix_socket(const Surroundings&) {
  return closed(static_cast<int>(::syscall(SYS_socket, (1ULL << 32U) | AF_UNIX, SOCK_STREAM, 0)));
}

inline int connect_tcp(int port, int flags) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return errno;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* to = reinterpret_cast<sockaddr*>(&address);
  const int error = flags == 0 ? result(::connect(fd, to, sizeof address))
                               : result(::sendto(fd, "x", 1, flags, to, sizeof address));
  ::close(fd);
  return error == EINPROGRESS ? 0 : error;
}

// Both tell by their error whether it is the jail that refuses.
inline int connect_at_all() {
  const sockaddr_in address{};
  return result(::connect(-1, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}
inline int bluetooth_socket() {
  constexpr int l2cap = 0;
  return closed(::socket(AF_BLUETOOTH, SOCK_SEQPACKET, l2cap));
}

inline int run_program(const Surroundings&) {
  std::array<char, 10> program{"/bin/true"};
  std::array<char*, 2> arguments{program.data(), nullptr};
  pid_t child = 0;
  const int error =
      ::posix_spawn(&child, program.data(), nullptr, nullptr, arguments.data(), nullptr);
  if (error == 0) ::waitpid(child, nullptr, 0);
  return error;
}

inline int fork_child(const Surroundings&) {
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return 0;
}

inline int trace(const Surroundings& around) {
  if (::ptrace(PTRACE_SEIZE, around.bystander, nullptr, nullptr) < 0) return errno;
  // Let it go again: it must be stopped for that.
  ::ptrace(PTRACE_INTERRUPT, around.bystander, nullptr, nullptr);
  ::waitpid(around.bystander, nullptr, __WALL);
  ::ptrace(PTRACE_DETACH, around.bystander, nullptr, nullptr);
  return 0;
}

inline int peek(const Surroundings& around) {
  static char byte = 0;  // the bystander, a copy of this process, has it at the same address
  iovec here{&byte, 1};
  iovec there{&byte, 1};
  return result(::process_vm_readv(around.bystander, &here, 1, &there, 1, 0));
}

inline int limit(const Surroundings& around) {
  rlimit limits{};
  return result(::prlimit(around.bystander, RLIMIT_CPU, nullptr, &limits));
}

// Input that becomes available makes the kernel send a signal to the owner of the descriptor.
inline int signal_through_descriptor(const Surroundings& around) {
  const int fd = ::open("/dev/null", O_RDONLY);
  const int used = fd >= 0 ? fd : STDERR_FILENO;
  const int error = result(::fcntl(used, F_SETOWN, around.bystander));
  if (fd >= 0) ::close(fd);
  return error;
}

inline int new_namespace(const Surroundings&) {
  // In a child, where there is one: the test itself must stay where it is.
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) ::_exit(::unshare(CLONE_NEWNS) == 0 ? 0 : errno);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

inline int executable_memory_file(const Surroundings&) {
  return closed(static_cast<int>(::syscall(SYS_memfd_create, "x", MFD_CLOEXEC)));
}

inline int ring(const Surroundings&) {
  std::array<char, 128> parameters{};
  return closed(static_cast<int>(::syscall(SYS_io_uring_setup, 1, parameters.data())));
}

// By a descriptor that only reads. The flag is one that every file system knows and nothing heeds.
inline int set_attribute(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  if (fd < 0) return errno;
  int flags = 0;
  int error = result(::ioctl(fd, FS_IOC_GETFLAGS, &flags));
  flags ^= FS_NODUMP_FL;
  if (error == 0) error = result(::ioctl(fd, FS_IOC_SETFLAGS, &flags));
  ::close(fd);
  return error;
}

inline int make_file(const std::string& path) {
  const int error = closed(::open(path.c_str(), O_WRONLY | O_CREAT, 0600));
  ::unlink(path.c_str());
  return error;
}

inline int rename_there_and_back(const std::string& path) {
  const std::string other = path + ".moved";
  const int error = result(::rename(path.c_str(), other.c_str()));
  if (error == 0) ::rename(other.c_str(), path.c_str());
  return error;
}

inline int hard_link(const std::string& path) {
  const std::string other = path + ".link";
  const int error = result(::link(path.c_str(), other.c_str()));
  if (error == 0) ::unlink(other.c_str());
  return error;
}

}  // namespace attempts

inline const std::vector<Attempt>& all_attempts() {
  using S = const Surroundings&;
  using namespace attempts;
  static const std::vector<Attempt> all = {
      {"WriteAPack", [](S s) { return closed(::open(s.pack.c_str(), O_RDWR)); }},
      {"WriteTheCatalog", [](S s) { return closed(::open(s.catalog.c_str(), O_WRONLY)); }},
      {"MakeAFileAmongThePacks", [](S s) { return make_file(s.packs_folder + "/new"); }},
      {"RemoveAPack", [](S s) { return result(::unlink(s.spare_pack.c_str())); }},
      {"RenameAPack", [](S s) { return rename_there_and_back(s.pack); }},
      {"LinkAPack", [](S s) { return hard_link(s.pack); }},
      {"TruncateTheCatalog", [](S s) { return result(::truncate(s.catalog.c_str(), 4096)); }},
      {"TruncateByOpening",
       [](S s) { return closed(::open((s.catalog + "-wal").c_str(), O_RDONLY | O_TRUNC)); }},
      {"ChangeAPacksMode", [](S s) { return result(::chmod(s.pack.c_str(), 0644)); }},
      {"ChangeAPacksAttributes", [](S s) { return set_attribute(s.pack); }},
      {"ReadTheCatalog", [](S s) { return read_one(s.catalog); }},
      {"ReadTheCloudKey", [](S s) { return read_one(s.key); }},
      {"ReadEtcPasswd", [](S) { return read_one("/etc/passwd"); }},
      {"ReadTheLinkersCache", [](S) { return read_one("/etc/ld.so.cache"); }},
      {"ListTheLibraries", [](S) { return closed(::open("/usr/lib", O_RDONLY | O_DIRECTORY)); }},
      {"OpenAnotherLine",
       [](S s) { return closed(::open(s.terminal.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK)); }},
      {"ReadTheAgentsMemoryFile",
       [](S s) { return read_one("/proc/" + std::to_string(s.bystander) + "/mem"); }},
      {"ListTheRoot", [](S) { return closed(::open("/", O_RDONLY | O_DIRECTORY)); }},
      {"RunAProgram", run_program},
      {"Fork", fork_child},
      {"MakeAnExecutableMemoryFile", executable_memory_file},
      {"ConnectToTheControlSocket", [](S s) { return connect_unix(s.control_socket); }},
      {"ConnectByADisguisedSocket", disguised_unix_socket},
      {"ConnectByTcp", [](S s) { return connect_tcp(s.tcp_port, 0); }},
      {"ConnectByFastOpen",
       [](S s) { return connect_tcp(s.tcp_port, MSG_FASTOPEN | MSG_DONTWAIT); }},
      {"OpenANetlinkSocket", [](S) { return closed(::socket(AF_NETLINK, SOCK_RAW, 0)); }},
      {"OpenARing", ring},
      {"TraceTheAgent", trace},
      {"ReadTheAgentsMemory", peek},
      {"LimitTheAgent", limit},
      {"SignalTheAgentThroughADescriptor", signal_through_descriptor},
      {"OpenAPidfdOfTheAgent",
       [](S s) { return closed(static_cast<int>(::syscall(SYS_pidfd_open, s.bystander, 0))); }},
      {"MakeANamespace", new_namespace},
      // The last one: without the jail nobody stands by any more.
      {"KillTheAgent", [](S s) { return result(::kill(s.bystander, SIGKILL)); }},
  };
  return all;
}

}  // namespace ferry::contract
