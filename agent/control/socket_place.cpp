#include "agent/control/socket_place.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.hpp"

namespace ferry::control {

Status clear_the_way(const std::filesystem::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? Status{} : Status(fail_errno(errno, path.string()));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return fail(ErrorCode::invalid, path.string() + ": is there and not a socket; remove it");
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.native().copy(address.sun_path, sizeof address.sun_path - 1);
  // Non-blocking: an agent that lives but hangs has a full queue and would block us here.
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe) return fail_errno(errno, "socket");
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(probe.get(), generic, sizeof address) == 0 || errno == EAGAIN) {
    return fail(ErrorCode::exists, path.string() + ": another ferryd answers here");
  }
  if (errno != ECONNREFUSED) return fail_errno(errno, path.string());
  if (::unlink(path.c_str()) != 0) return fail_errno(errno, path.string());
  return {};
}

}  // namespace ferry::control
