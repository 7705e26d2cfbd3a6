#include "base/log.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

namespace ferry::log {
namespace {

std::atomic<Level> threshold{Level::info};

std::string_view prefix_of(Level level) {
  // JOURNAL_STREAM is set by systemd when standard error is the journal (systemd.exec(5)).
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  switch (level) {
    case Level::debug:
      return journal ? "<7>" : "debug: ";
    case Level::info:
      return journal ? "<6>" : "info: ";
    case Level::warning:
      return journal ? "<4>" : "warning: ";
    case Level::error:
      return journal ? "<3>" : "error: ";
  }
  return "";
}

}  // namespace

std::optional<Level> level_from(std::string_view name) {
  if (name == "debug") return Level::debug;
  if (name == "info") return Level::info;
  if (name == "warning") return Level::warning;
  if (name == "error") return Level::error;
  return std::nullopt;
}

void set_level(Level level) {
  threshold = level;
}

bool enabled(Level level) {
  return level >= threshold.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view component, std::string_view text) {
  if (!enabled(level)) return;
  std::string line;
  line.reserve(component.size() + text.size() + 16);
  line.append(prefix_of(level)).append(component).append(": ");
  for (const char c : text) {
    line.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c);
  }
  line.push_back('\n');
  // A log that cannot be written has nowhere to say so.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace ferry::log
