#include "agent/source/watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <system_error>

#include "base/log.hpp"

namespace ferry::source {
namespace {

constexpr std::uint32_t interesting = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB |
                                      IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM | IN_MOVED_TO |
                                      IN_MOVE_SELF | IN_ONLYDIR;

// poll() tells a change of the mount table once for each reading of it.
void read_through(const Descriptor& file) {
  std::array<char, 4096> ignored{};
  if (!file || ::lseek(file.get(), 0, SEEK_SET) < 0) return;
  while (::read(file.get(), ignored.data(), ignored.size()) > 0) {
  }
}

}  // namespace

Watch::Watch(std::filesystem::path folder)
    : folder_(std::move(folder)), mounts_(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) {
  read_through(mounts_);
}

void Watch::begin() {
  events_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  std::filesystem::path nearest = folder_;
  awaited_.clear();
  std::error_code error;
  while (!std::filesystem::is_directory(nearest, error) && nearest.has_relative_path()) {
    awaited_ = nearest.filename();
    nearest = nearest.parent_path();
  }
  watch(nearest);
}

// Reads all events that wait. In a busy parent of a missing folder only one name matters.
bool Watch::anything_of_interest() {
  bool found = false;
  alignas(inotify_event) std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t length = ::read(events_.get(), buffer.data(), buffer.size());
    if (length <= 0) return found;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(length);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = event.len > 0 ? buffer.data() + at + sizeof event : "";
      if (awaited_.empty() || event.len == 0 || awaited_ == name) found = true;
      at += sizeof event + event.len;
    }
  }
}

void Watch::add(const std::string& relative) {
  if (!relative.empty()) watch(folder_ / relative);
}

void Watch::watch(const std::filesystem::path& path) {
  if (::inotify_add_watch(events_.get(), path.c_str(), interesting) >= 0) return;
  // A folder that went away meanwhile is told by its parent; a limit of the system is for people.
  if (errno == ENOENT || errno == ENOTDIR || told_) return;
  told_ = true;
  log::warning("source", "{}: cannot be watched ({}): changes are found at the next interval",
               path.string(), std::error_code(errno, std::generic_category()).message());
}

bool Watch::wait(const std::stop_token& stop, Duration longest) {
  const Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const std::stop_callback on_stop(stop, [&wake] { ::eventfd_write(wake.get(), 1); });
  std::array<pollfd, 3> watched = {
      {{wake.get(), POLLIN, 0}, {events_.get(), POLLIN, 0}, {mounts_.get(), POLLPRI | POLLERR, 0}}};
  const auto end = std::chrono::steady_clock::now() + longest;
  for (;;) {
    const auto left = std::chrono::ceil<Duration>(end - std::chrono::steady_clock::now());
    if (stop.stop_requested() || left.count() <= 0) return false;
    const int timeout = static_cast<int>(std::min<Duration::rep>(left.count(), INT_MAX));
    if (::poll(watched.data(), watched.size(), timeout) < 0 && errno != EINTR) return false;
    if ((watched[2].revents & (POLLPRI | POLLERR)) != 0) {
      read_through(mounts_);
      return true;
    }
    if ((watched[1].revents & POLLIN) != 0 && anything_of_interest()) return true;
  }
}

}  // namespace ferry::source
