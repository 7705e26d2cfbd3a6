#include "storage/folders.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.hpp"
#include "base/log.hpp"

namespace ferry::storage {
namespace {

// Bad packs are kept to be looked at; more of them would only take room.
constexpr std::size_t max_quarantined = 2;

Time time_of(const timespec& time) {
  return from_unix_ms(static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000);
}

void remove_file(const std::filesystem::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
    log::warning("storage", "{}", fail_errno(errno, file.string()).value().message);
  }
}

}  // namespace

Status Folders::create() const {
  for (const auto& folder : {root, incoming, packs, quarantine}) {
    std::error_code error;
    if (std::filesystem::is_directory(folder, error)) continue;
    if (folder == root) std::filesystem::create_directories(root.parent_path(), error);
    if (::mkdir(folder.c_str(), 0750) != 0 && errno != EEXIST) {
      return fail_errno(errno, folder.string());
    }
    // A folder that a power cut takes back would take its packs along.
    Status synced = sync_folder(folder.has_parent_path() ? folder.parent_path() : ".");
    if (!synced) return synced;
  }
  return {};
}

Status Folders::isolate(const std::string& pack) const {
  const auto from = packs / pack;
  if (::rename(from.c_str(), (quarantine / pack).c_str()) != 0 && errno != ENOENT) {
    return fail_errno(errno, from.string());
  }
  std::vector<File> kept = files_in(quarantine);
  std::sort(kept.begin(), kept.end(),
            [](const File& a, const File& b) { return a.changed > b.changed; });
  for (std::size_t i = max_quarantined; i < kept.size(); ++i)
    remove_file(quarantine / kept[i].name);
  const Status synced = sync_folder(quarantine);
  return synced ? sync_folder(packs) : synced;
}

void Folders::reopen(const std::string& pack) const {
  // Never over an open pack that is being filled. If it fails, the pack is an orphan until the next
  // start.
  (void)::renameat2(AT_FDCWD, (packs / pack).c_str(), AT_FDCWD, (incoming / pack).c_str(),
                    RENAME_NOREPLACE);
}

void Folders::remove_sealed(const std::string& pack) const {
  remove_file(packs / pack);
}

void Folders::empty_quarantine() const {
  for (const File& file : files_in(quarantine)) remove_file(quarantine / file.name);
}

std::string_view open_pack_of(std::string_view file) {
  for (const std::string_view suffix : {"-journal", "-tail"}) {
    if (file.ends_with(suffix)) return file.substr(0, file.size() - suffix.size());
  }
  return {};
}

std::vector<File> files_in(const std::filesystem::path& folder) {
  std::vector<File> files;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    struct stat status {};
    if (::lstat(entries->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    files.push_back({entries->path().filename().string(),
                     static_cast<std::uint64_t>(status.st_size), time_of(status.st_mtim),
                     time_of(status.st_ctim)});
  }
  return files;
}

std::uint64_t bytes_in(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  for (const File& file : files_in(folder)) bytes += file.size;
  return bytes;
}

}  // namespace ferry::storage
