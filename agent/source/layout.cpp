#include "agent/source/layout.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "agent/source/layout_scan.hpp"

namespace ferry::source {
namespace {

constexpr std::size_t piece_size = 256U << 10U;

std::optional<std::string_view> between(std::string_view text, std::string_view before,
                                        std::string_view after) {
  if (!text.starts_with(before) || !text.ends_with(after) ||
      text.size() < before.size() + after.size()) {
    return std::nullopt;
  }
  return text.substr(before.size(), text.size() - before.size() - after.size());
}

Failure changed(const std::string& path) {
  return fail(ErrorCode::changed, path + ": changed while it was read; taken at the next round");
}

// The file that the path names now; a rename over the path puts another file there.
bool still_there(int root, const LayoutFile& file, const struct stat& opened) {
  const Descriptor now = open_beneath(root, file.path, O_PATH);
  struct stat status {};
  return now && ::fstat(now.get(), &status) == 0 && status.st_ino == opened.st_ino &&
         status.st_dev == opened.st_dev;
}

Status hand_over(int source, const std::string& name, std::uint64_t length,
                 const std::stop_token& stop, const std::function<Status(Bytes)>& take) {
  std::vector<std::byte> piece(piece_size);
  while (length > 0) {
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, name + ": stopped");
    const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(length, piece_size));
    const ssize_t got = ::read(source, piece.data(), want);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, name);
    if (got == 0) return changed(name);
    length -= static_cast<std::uint64_t>(got);
    Status taken = take(Bytes(piece.data(), static_cast<std::size_t>(got)));
    if (!taken) return taken;
  }
  return {};
}

}  // namespace

std::optional<NamedFile> parse_layout_name(std::string_view name) {
  NamedFile file;
  std::string_view version;
  if (const auto image = between(name, "firmware_", ".bin")) {
    file.role = formats::Role::firmware;
    version = *image;
  } else if (const auto archive = between(name, "archive_", ".tar")) {
    file.role = formats::Role::archive;
    version = *archive;
  } else if (const auto step = between(name, "differential_", ".bin")) {
    constexpr std::string_view to = "_to_";
    const std::size_t at = step->find(to);
    // "1_to_2_to_3" could be cut in two ways.
    if (at == step->npos || step->find(to, at + 1) != step->npos) return std::nullopt;
    file.role = formats::Role::differential;
    file.from = step->substr(0, at);
    version = step->substr(at + to.size());
    if (!formats::is_name(file.from)) return std::nullopt;
  }
  if (!formats::is_name(version)) return std::nullopt;
  file.version = version;
  return file;
}

Sha256 LayoutRelease::fingerprint() const {
  Digester digester(Algorithm::sha256);
  for (const LayoutFile& file : files) {
    digester.update(as_bytes(fmt::format("{}\n{} {} {}\n", file.path, file.stamp.size,
                                         file.stamp.modified, file.stamp.changed)));
  }
  return digester.sha256();
}

formats::Release LayoutRelease::release(const std::string& product,
                                        const std::string& channel) const {
  formats::Release release;
  release.product = product;
  release.version = version;
  release.channel = channel;
  release.artifacts.reserve(files.size());
  for (const LayoutFile& file : files) release.artifacts.push_back(file.artifact);
  return release;
}

Result<LayoutFolder> LayoutFolder::open(const std::filesystem::path& folder) {
  Descriptor root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail_errno(errno, folder.string());
  return LayoutFolder(std::move(root), folder.string());
}

Result<Layout> LayoutFolder::scan(const std::function<void(const std::string&)>& entering) const {
  Result<Layout> layout = LayoutScan(root_.get(), entering).run();
  if (!layout) return fail(layout.error(), name_);
  return layout;
}

Status LayoutFolder::read(const LayoutFile& file, std::uint64_t offset, const std::stop_token& stop,
                          const std::function<Status(Bytes)>& take) const {
  const std::string name = name_ + "/" + file.path;
  const Descriptor source = open_beneath(root_.get(), file.path, O_RDONLY);
  if (!source) return errno == ENOENT ? changed(name) : Status(fail_errno(errno, name));
  const Result<FileStamp> before = stamp_of(source.get(), name);
  if (!before) return fail(before.error());
  struct stat opened {};
  if (::fstat(source.get(), &opened) != 0) return fail_errno(errno, name);
  if (*before != file.stamp || offset > file.stamp.size) return changed(name);
  if (::lseek(source.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
    return fail_errno(errno, name);
  }
  Status read = hand_over(source.get(), name, file.stamp.size - offset, stop, take);
  if (!read) return read;
  const Result<FileStamp> after = stamp_of(source.get(), name);
  if (!after) return fail(after.error());
  if (*after != file.stamp || !still_there(root_.get(), file, opened)) return changed(name);
  return {};
}

Result<Sha256> LayoutFolder::digest(const LayoutFile& file, const std::stop_token& stop) const {
  Digester digester(Algorithm::sha256);
  const Status read_all = read(file, 0, stop, [&](Bytes piece) {
    digester.update(piece);
    return Status();
  });
  if (!read_all) return fail(read_all.error());
  return digester.sha256();
}

}  // namespace ferry::source
