// Walks a folder of releases; LayoutFolder::scan() is its only caller.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "agent/source/layout.hpp"

namespace ferry::source {

// Opens `path` below `root`, following links only as long as they stay inside; errno tells why not.
Descriptor open_beneath(int root, const std::string& path, int flags);
// The stamp of an open file.
Result<FileStamp> stamp_of(int file, const std::string& name);

class LayoutScan {
 public:
  LayoutScan(int root, const std::function<void(const std::string&)>& entering)
      : root_(root), entering_(entering) {}

  Result<Layout> run();

 private:
  struct Version {
    LayoutRelease release;
    std::string refused;  // path of what cannot be published, "" when all can
    std::string why;
  };

  Status list(const std::string& folder, const std::function<Status(const std::string&)>& visit);
  Status visit_top(const std::string& name);
  Status visit_file_system(Version& version, const std::string& folder, const std::string& name,
                           int depth);
  void skip(const std::string& path, std::string_view why);
  void leave_out(const std::string& version, std::string_view why);
  Version& version(const std::string& name);

  int root_;
  const std::function<void(const std::string&)>& entering_;
  std::size_t entries_ = 0;
  std::map<std::string, Version> versions_;
  std::vector<Skipped> skipped_;
};

}  // namespace ferry::source
