// Waits until something happens below a folder, by inotify, or until a medium is mounted or taken
// away.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "base/file.hpp"

namespace ferry::source {

// One thread at a time. Holds no file of the watched medium open.
class Watch {
 public:
  explicit Watch(std::filesystem::path folder);

  // Forgets what was watched; the folder itself, or the nearest of its parents that is there, is
  // watched from now on. Call before looking, then add() each folder before it is listed: nothing
  // is missed.
  void begin();
  // `relative` as LayoutFolder::scan() names it.
  void add(const std::string& relative);

  // True when something happened since begin(); false at the end of `longest` or on `stop`.
  bool wait(const std::stop_token& stop, Duration longest);

 private:
  void watch(const std::filesystem::path& path);
  bool anything_of_interest();

  std::filesystem::path folder_;
  std::string awaited_;  // while the folder is missing: the name that must appear first
  Descriptor events_;
  Descriptor mounts_;  // readable for poll() when the table of mounts changed
  bool told_ = false;
};

}  // namespace ferry::source
