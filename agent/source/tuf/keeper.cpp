#include "agent/source/tuf/keeper.hpp"

#include "agent/source/tuf/names.hpp"
#include "base/file.hpp"

namespace ferry::tuf {

std::filesystem::path FolderKeeper::file_of(const std::string& role) const {
  return folder_ / (safe_file_name(role) + ".json");
}

Result<std::string> FolderKeeper::kept(const std::string& role, std::uint64_t limit) {
  Result<std::string> bytes = read_file(file_of(role), limit);
  // Without its root a client trusts nothing: there the reason matters.
  if (bytes || role == "root") return bytes;
  return std::string();
}

Status FolderKeeper::keep(const std::string& role, std::uint64_t /*version*/,
                          std::string_view bytes) {
  return write_file_atomically(file_of(role), as_bytes(bytes));
}

}  // namespace ferry::tuf
