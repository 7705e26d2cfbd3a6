#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace ferry {

void Descriptor::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(errno, path.string());
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, path.string());
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > limit) {
      return fail(ErrorCode::too_large,
                  path.string() + ": larger than " + std::to_string(limit) + " bytes");
    }
  }
}

namespace {

Status write_all(int fd, Bytes content, const std::string& name) {
  while (!content.empty()) {
    const ssize_t put = ::write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, name);
    content = content.subspan(static_cast<std::size_t>(put));
  }
  if (::fsync(fd) != 0) return fail_errno(errno, name);
  return {};
}

}  // namespace

Status write_file_atomically(const std::filesystem::path& path, Bytes content, unsigned mode) {
  std::string temporary = path.string() + ".XXXXXX";
  const Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return fail_errno(errno, temporary);
  Status done = write_all(file.get(), content, temporary);
  if (done && ::fchmod(file.get(), mode) != 0) done = fail_errno(errno, temporary);
  if (done && ::rename(temporary.c_str(), path.c_str()) != 0) {
    done = fail_errno(errno, path.string());
  }
  if (!done) {
    ::unlink(temporary.c_str());
    return done;
  }
  return sync_folder(path.has_parent_path() ? path.parent_path() : ".");
}

Status sync_folder(const std::filesystem::path& folder) {
  const Descriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle) return fail_errno(errno, folder.string());
  if (::fsync(handle.get()) != 0) return fail_errno(errno, folder.string());
  return {};
}

}  // namespace ferry
