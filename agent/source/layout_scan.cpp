#include "agent/source/layout_scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace ferry::source {
namespace {

constexpr std::size_t entry_limit = 200000;  // files and folders looked at in one scan
constexpr int depth_limit = 16;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::string join(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

std::string shown(const std::string& path) {
  std::string text = path.substr(0, 200);
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return text;
}

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

FileStamp stamp_from(const struct stat& status) {
  FileStamp stamp;
  stamp.size = static_cast<std::uint64_t>(status.st_size);
  stamp.modified = nanoseconds(status.st_mtim);
  stamp.changed = nanoseconds(status.st_ctim);
  return stamp;
}

// A version has a digit in it; "lost+found" has none.
bool is_version(std::string_view name) {
  return formats::is_name(name) && name.find_first_of("0123456789") != name.npos;
}

// Why a path cannot be opened, said for the person who put it there.
std::string why_not(int error_number) {
  switch (error_number) {
    case EXDEV:
      return "is a link that leads out of the folder";
    case ELOOP:
      return "is a link in a circle";
    case ENOENT:
      return "is a link to nothing";
    case EACCES:
      return "may not be read by ferryd";
    default:
      return fail_errno(error_number, "cannot be read").value().message;
  }
}

}  // namespace

Descriptor open_beneath(int root, const std::string& path, int flags) {
  open_how how{};
  // A FIFO must not block us, a terminal not become ours; O_PATH opens neither and takes no such
  // flags.
  const int harmless = (flags & O_PATH) != 0 ? 0 : O_NONBLOCK | O_NOCTTY;
  how.flags = static_cast<std::uint64_t>(flags | harmless | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    // The kernel asks to try again when a folder was moved while it was resolving.
    if (fd < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    return Descriptor(static_cast<int>(fd));
  }
}

Result<FileStamp> stamp_of(int file, const std::string& name) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return fail_errno(errno, name);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::changed, name + ": is no file any more");
  return stamp_from(status);
}

Status LayoutScan::list(const std::string& folder,
                        const std::function<Status(const std::string&)>& visit) {
  if (entering_) entering_(folder);
  Descriptor handle = open_beneath(root_, folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
  if (!handle) return fail_errno(errno, shown(folder));
  const std::unique_ptr<DIR, CloseFolder> open(::fdopendir(handle.get()));
  if (!open) return fail_errno(errno, shown(folder));
  (void)handle.release();  // the stream owns it now
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(open.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (++entries_ > entry_limit) {
      return fail(ErrorCode::too_large, fmt::format("has more than {} entries", entry_limit));
    }
    if (Status done = visit(name); !done) return done;
  }
  // A medium that was pulled out shows here.
  if (errno != 0) return fail_errno(errno, shown(folder));
  return {};
}

void LayoutScan::skip(const std::string& path, std::string_view why) {
  skipped_.push_back({shown(path), std::string(why), false});
}

void LayoutScan::leave_out(const std::string& version, std::string_view why) {
  skipped_.push_back({version, fmt::format("is left out: {}", why), true});
}

LayoutScan::Version& LayoutScan::version(const std::string& name) {
  Version& found = versions_[name];
  found.release.version = name;
  return found;
}

Status LayoutScan::visit_top(const std::string& name) {
  // Hidden: a copy under way, or what desktop systems leave on sticks.
  if (name.starts_with('.')) return {};
  const Descriptor handle = open_beneath(root_, name, O_PATH);
  struct stat status {};
  if (!handle || ::fstat(handle.get(), &status) != 0) {
    skip(name, why_not(errno));
    return {};
  }
  if (S_ISDIR(status.st_mode)) {
    if (!is_version(name)) {
      skip(name, "is not named by a version");
      return {};
    }
    Version& into = version(name);
    return list(name,
                [&](const std::string& entry) { return visit_file_system(into, name, entry, 1); });
  }
  const std::optional<NamedFile> named = parse_layout_name(name);
  if (!named || !S_ISREG(status.st_mode)) {
    skip(name, "is neither a version's folder nor named like firmware_VERSION.bin");
    return {};
  }
  LayoutFile file;
  file.artifact.role = named->role;
  file.artifact.name = name;
  file.artifact.from = named->from;
  file.stamp = stamp_from(status);
  file.artifact.size = file.stamp.size;
  file.path = name;
  version(named->version).release.files.push_back(std::move(file));
  return {};
}

Status LayoutScan::visit_file_system(Version& into, const std::string& folder,
                                     const std::string& name, int depth) {
  const std::string path = join(folder, name);
  const auto refuse = [&](std::string why) {
    if (into.refused.empty()) {
      into.refused = path;
      into.why = std::move(why);
    }
    return Status();
  };
  const std::string on_device = path.substr(into.release.version.size() + 1);
  if (!formats::is_relative_path(on_device) || depth > depth_limit) {
    return refuse("is no path that a device can be given");
  }
  const Descriptor handle = open_beneath(root_, path, O_PATH);
  struct stat status {};
  if (!handle || ::fstat(handle.get(), &status) != 0) {
    if (errno == EIO) return fail_errno(errno, shown(path));
    return refuse(why_not(errno));
  }
  if (S_ISDIR(status.st_mode)) {
    return list(path, [&](const std::string& entry) {
      return visit_file_system(into, path, entry, depth + 1);
    });
  }
  if (!S_ISREG(status.st_mode)) return refuse("is neither file nor folder");
  LayoutFile file;
  file.artifact.role = formats::Role::file;
  file.artifact.name = on_device;
  file.artifact.dst_path = on_device;
  file.stamp = stamp_from(status);
  file.artifact.size = file.stamp.size;
  file.path = path;
  into.release.files.push_back(std::move(file));
  return {};
}

Result<Layout> LayoutScan::run() {
  const Status listed = list("", [this](const std::string& name) { return visit_top(name); });
  if (!listed) return fail(listed.error());
  Layout layout;
  for (auto& [name, found] : versions_) {
    LayoutRelease& release = found.release;
    if (!found.refused.empty()) {
      leave_out(name, fmt::format("{} {}", shown(found.refused), found.why));
      continue;
    }
    if (release.files.empty()) continue;  // a folder that nothing was copied into yet
    std::sort(release.files.begin(), release.files.end(),
              [](const auto& a, const auto& b) { return a.artifact.name < b.artifact.name; });
    const Status good = formats::check_release(release.release("product", "stable"));
    if (!good) {
      leave_out(name, shown(good.error().message));
      continue;
    }
    layout.releases.push_back(std::move(release));
  }
  layout.skipped = std::move(skipped_);
  return layout;
}

}  // namespace ferry::source
