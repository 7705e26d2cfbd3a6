// The log: one line for each change of state, to standard error. Under systemd each line begins
// with its syslog priority ("<4>"), so that journalctl -p works; elsewhere with the level's name.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string_view>

namespace ferry::log {

enum class Level { debug, info, warning, error };

std::optional<Level> level_from(std::string_view name);
void set_level(Level level);
bool enabled(Level level);
// Writes "component: text" with one write(2), so lines of several processes never mix. Thread-safe.
// Control characters in text are replaced: what a device says cannot forge a line.
void write(Level level, std::string_view component, std::string_view text);

template <typename... Args>
void debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug))
    write(Level::debug, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info))
    write(Level::info, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  write(Level::warning, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, component, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ferry::log
