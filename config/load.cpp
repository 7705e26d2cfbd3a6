#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "base/file.hpp"
#include "config/ini.hpp"
#include "config/interpret.hpp"
#include "config/settings.hpp"

namespace ferry::config {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

// The drop-ins beside `file`, in the order of their names.
std::vector<std::filesystem::path> drop_ins(const std::filesystem::path& file, Problems& problems) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  std::filesystem::directory_iterator folder(file.parent_path() / "conf.d", error);
  if (error == std::errc::no_such_file_or_directory) return found;
  for (; !error && folder != std::filesystem::directory_iterator(); folder.increment(error)) {
    const auto& path = folder->path();
    if (path.extension() == ".ini" && !path.filename().string().starts_with('.')) {
      found.push_back(path);
    }
  }
  if (error) problems.push_back(fmt::format("conf.d: cannot be read: {}", error.message()));
  std::sort(found.begin(), found.end());
  return found;
}

void read(const std::filesystem::path& path, const std::string& name, std::vector<TextFile>& files,
          Problems& problems) {
  auto text = read_file(path, max_file_bytes);
  if (text) {
    files.push_back({name, std::move(*text)});
  } else {
    problems.push_back(fmt::format("{}: cannot be read: {}", name, text.error().message));
  }
}

}  // namespace

Loaded load(const std::filesystem::path& file) {
  Problems problems;
  std::vector<TextFile> files;
  read(file, file.filename().string(), files, problems);
  for (const auto& path : drop_ins(file, problems)) {
    read(path, "conf.d/" + path.filename().string(), files, problems);
  }
  if (files.empty()) return {std::nullopt, std::move(problems)};
  auto loaded = interpret(files, host_name());
  if (problems.empty()) return loaded;
  problems.insert(problems.end(), loaded.problems.begin(), loaded.problems.end());
  return {std::nullopt, std::move(problems)};
}

}  // namespace ferry::config
