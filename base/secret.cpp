#include "base/secret.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/file.hpp"

namespace ferry {
namespace {

constexpr std::uint64_t longest = 4096;  // bytes

}  // namespace

Result<std::string> read_secret(std::string_view key, const std::filesystem::path& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) {
    return fail_errno(errno, fmt::format("{} {}", key, file.string()));
  }
  if ((found.st_mode & S_IROTH) != 0) {
    return fail(ErrorCode::denied,
                fmt::format("{} {}: readable by everyone; take that away with chmod o-r", key,
                            file.string()));
  }
  auto content = read_file(file, longest);
  if (!content) return fail(content.error(), key);
  content->erase(std::min(content->find_first_of("\r\n"), content->size()));
  return content;
}

}  // namespace ferry
