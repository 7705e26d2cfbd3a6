#include "agent/ports.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.hpp"

namespace ferry::agent {
namespace {

constexpr std::size_t most_ports = 64;  // of one transport

std::vector<std::string> matches(const std::vector<std::string>& patterns) {
  std::vector<std::string> names;
  for (const std::string& pattern : patterns) {
    glob_t found{};
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
      for (std::size_t i = 0; i < found.gl_pathc && names.size() < most_ports; ++i) {
        names.emplace_back(found.gl_pathv[i]);
      }
    }
    ::globfree(&found);
  }
  return names;
}

}  // namespace

Result<Descriptor> open_port(const std::string& file) {
  Descriptor line(::open(file.c_str(), O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!line && errno == EBUSY) {
    return fail(ErrorCode::exists, file + ": another program has it open for itself alone");
  }
  if (!line && errno == EACCES) {
    return fail(
        ErrorCode::denied,
        file + ": permission denied; may the user ferry read and write it (group dialout)?");
  }
  if (!line) return fail_errno(errno, file);
  if (::isatty(line.get()) != 1) {
    return fail(ErrorCode::invalid, file + ": is no serial line");
  }
  // Root opens what others have made their own by TIOCEXCL; the lock holds for all who ask.
  if (::flock(line.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::exists, file + ": another program has locked it");
  }
  if (::ioctl(line.get(), TIOCEXCL) != 0) return fail_errno(errno, file);
  return line;
}

Ports::Ports(std::string_view patterns, std::string component) : component_(std::move(component)) {
  constexpr std::string_view separators = " \t,";
  while (true) {
    const std::size_t begin = patterns.find_first_not_of(separators);
    if (begin == patterns.npos) return;
    patterns.remove_prefix(begin);
    const std::size_t end = std::min(patterns.find_first_of(separators), patterns.size());
    patterns_.emplace_back(patterns.substr(0, end));
    patterns.remove_prefix(end);
  }
}

std::vector<OpenPort> Ports::open_new() {
  std::vector<OpenPort> opened;
  for (const std::string& name : matches(patterns_)) {
    if (out_.contains(name)) continue;
    Result<Descriptor> line = open_port(name);
    if (line) {
      trouble_.erase(name);
      out_.insert(name);
      opened.push_back({name, std::move(*line)});
      continue;
    }
    std::string& said = trouble_[name];
    if (said == line.error().message) continue;
    said = line.error().message;
    log::warning(component_, "{}", said);
  }
  return opened;
}

}  // namespace ferry::agent
