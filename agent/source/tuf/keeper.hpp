// Where trusted metadata is kept between sessions, so that the rules need not know of files or
// databases.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ferry::tuf {

// Not thread-safe.
class Keeper {
 public:
  virtual ~Keeper() = default;
  // What is kept of the role, or "" when there is nothing that can be read.
  virtual Result<std::string> kept(const std::string& role, std::uint64_t limit) = 0;
  // Called with what was found right, in the order of the workflow. A kill at any moment may leave
  // what an earlier moment could have left, and nothing else.
  virtual Status keep(const std::string& role, std::uint64_t version, std::string_view bytes) = 0;
};

// Keeps metadata in a folder, which must exist: root.json, timestamp.json, snapshot.json,
// targets.json and one file for each delegated role, each byte for byte as it was fetched, each
// written whole or not at all.
class FolderKeeper final : public Keeper {
 public:
  explicit FolderKeeper(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Result<std::string> kept(const std::string& role, std::uint64_t limit) override;
  Status keep(const std::string& role, std::uint64_t version, std::string_view bytes) override;

 private:
  std::filesystem::path file_of(const std::string& role) const;
  std::filesystem::path folder_;
};

}  // namespace ferry::tuf
