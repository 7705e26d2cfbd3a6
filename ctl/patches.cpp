#include "ctl/patches.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/file.hpp"
#include "formats/patch_encoder.hpp"

namespace ferry::ctl {
namespace {

namespace fs = std::filesystem;

// Below that a request costs more than the bytes that a patch could save.
constexpr std::uint64_t least_artifact = 4096;

// An open file as what a patch is made of.
struct OpenContent {
  Descriptor file;
  formats::PatchContent content;
};

Result<OpenContent> open_content(const fs::path& path) {
  OpenContent made;
  made.file = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!made.file) return fail_errno(errno, path.string());
  std::error_code error;
  made.content.size = fs::file_size(path, error);
  if (error) return fail_errno(error.value(), path.string());
  made.content.read = [file = made.file.get(), name = path.string()](
                          std::uint64_t offset, std::span<std::byte> out) -> Status {
    while (!out.empty()) {
      const ssize_t got = ::pread(file, out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno(errno, name);
      if (got == 0) return fail(ErrorCode::changed, name + ": is shorter than it was");
      offset += static_cast<std::uint64_t>(got);
      out = out.subspan(static_cast<std::size_t>(got));
    }
    return {};
  };
  return made;
}

Status write_at(int file, std::uint64_t offset, Bytes content, const std::string& name) {
  while (!content.empty()) {
    const ssize_t put = ::pwrite(file, content.data(), content.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, name);
    offset += static_cast<std::uint64_t>(put);
    content = content.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

// Writes the patch to a file of its own, and gives the head.
Result<std::string> write_patch(const formats::PatchContent* base,
                                const formats::PatchContent& target, const fs::path& path) {
  const Descriptor out(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out) return fail_errno(errno, path.string());
  std::uint64_t end = formats::planned_head_size(base, target);
  const Result<formats::PatchHead> head =
      formats::encode_patch(base, target, [&](Bytes frame) -> Status {
        if (Status put = write_at(out.get(), end, frame, path.string()); !put) return put;
        end += frame.size();
        return {};
      });
  if (!head) return fail(head.error(), path.string());
  std::string written = formats::write_patch_head(*head);
  if (Status put = write_at(out.get(), 0, as_bytes(written), path.string()); !put) {
    return fail(put.error());
  }
  if (::fsync(out.get()) != 0) return fail_errno(errno, path.string());
  return written;
}

// The head of a patch that an earlier publication finished, or nothing.
Result<std::string> read_head(const fs::path& path, std::uint64_t size) {
  const auto file = open_content(path);
  if (!file) return fail(file.error());
  std::string head(std::min(size, file->content.size), '\0');
  const Status got =
      file->content.read(0, std::as_writable_bytes(std::span(head.data(), head.size())));
  if (!got) return fail(got.error());
  const Result<formats::PatchHead> parsed = formats::parse_patch_head(as_bytes(head));
  if (!parsed) return fail(parsed.error(), path.string());
  if (parsed->size() != file->content.size) return fail(ErrorCode::corrupt, path.string());
  return head;
}

Result<std::string> find_or_write(const formats::PatchContent* base,
                                  const formats::PatchContent& target, const fs::path& path) {
  Result<std::string> present = read_head(path, formats::planned_head_size(base, target));
  if (present) return present;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return fail_errno(error.value(), path.parent_path().string());
  const fs::path temporary = path.parent_path() / ("." + path.filename().string());
  Result<std::string> head = write_patch(base, target, temporary);
  if (head && ::rename(temporary.c_str(), path.c_str()) != 0) {
    head = fail_errno(errno, path.string());
  }
  if (!head) {
    ::unlink(temporary.c_str());
    return head;
  }
  if (Status synced = sync_folder(path.parent_path()); !synced) return fail(synced.error());
  return head;
}

// What the device would have had in place of that artifact.
const formats::ReleaseArtifact* counterpart(const formats::Release& release,
                                            const formats::ReleaseArtifact& artifact) {
  const auto found =
      std::find_if(release.artifacts.begin(), release.artifacts.end(), [&](const auto& candidate) {
        return candidate.role == artifact.role && candidate.dst_path == artifact.dst_path;
      });
  return found == release.artifacts.end() ? nullptr : &*found;
}

}  // namespace

Status PatchMaker::make(formats::Release& release) {
  if (!versions_) return {};
  for (formats::ReleaseArtifact& artifact : release.artifacts) {
    if (artifact.size < least_artifact) continue;
    if (Status made = make(release, artifact); !made) return fail(made.error(), artifact.name);
  }
  return {};
}

Status PatchMaker::make(formats::Release& release, formats::ReleaseArtifact& artifact) {
  const fs::path target = locate_(release, artifact);
  if (Status made = offer(nullptr, {}, target, artifact); !made) return made;
  // What a differential package starts from is on the device; here none is like another.
  if (artifact.role == formats::Role::differential) return {};
  std::set<Sha256> bases{artifact.sha256};
  const std::size_t count = std::min<std::size_t>(*versions_, before_.size());
  for (auto before = before_.rbegin(); before != before_.rbegin() + static_cast<long>(count);
       ++before) {
    const formats::ReleaseArtifact* base = counterpart(*before, artifact);
    if (base == nullptr || base->size < least_artifact || !bases.insert(base->sha256).second) {
      continue;
    }
    const fs::path from = locate_(*before, *base);
    if (Status made = offer(&from, base->sha256, target, artifact); !made) return made;
  }
  return {};
}

Status PatchMaker::offer(const fs::path* base, const std::optional<Sha256>& base_sha256,
                         const fs::path& target, formats::ReleaseArtifact& artifact) {
  const Result<OpenContent> to = open_content(target);
  if (!to) return fail(to.error());
  std::optional<OpenContent> from;
  if (base != nullptr) {
    Result<OpenContent> opened = open_content(*base);
    if (!opened) return fail(opened.error());
    from = std::move(*opened);
  }
  formats::ArtifactPatch patch;
  patch.base = base_sha256;
  patch.url = fmt::format("patches/{}/{}", artifact.sha256.hex(),
                          base_sha256 ? base_sha256->hex() : "whole");
  const fs::path path = folder_ / patch.url;
  const Result<std::string> head =
      find_or_write(from ? &from->content : nullptr, to->content, path);
  if (!head) return fail(head.error());
  std::error_code error;
  patch.size = fs::file_size(path, error);
  if (error) return fail_errno(error.value(), path.string());
  patch.head_size = head->size();
  patch.head = Sha256::of(as_bytes(*head));
  if (patch.size <= artifact.size / 10 * 9) {
    artifact.patches.push_back(std::move(patch));
    ++count_;
    return {};
  }
  fs::remove(path, error);
  return {};
}

}  // namespace ferry::ctl
