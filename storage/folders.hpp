// The folders of packs beside catalog.db. Internal to storage/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace ferry::storage {

struct Folders {
  explicit Folders(const std::filesystem::path& root_)
      : root(root_),
        incoming(root_ / "incoming"),
        packs(root_ / "packs"),
        quarantine(root_ / "quarantine") {}

  Status create() const;
  // Moves a sealed pack to quarantine/ and deletes the oldest there; a file that is missing is no
  // error.
  Status isolate(const std::string& pack) const;
  // Makes a sealed pack that could not be admitted an open one again, to be resumed.
  void reopen(const std::string& pack) const;
  void remove_sealed(const std::string& pack) const;
  void empty_quarantine() const;

  std::filesystem::path root;
  std::filesystem::path incoming;
  std::filesystem::path packs;
  std::filesystem::path quarantine;
};

struct File {
  std::string name;
  std::uint64_t size = 0;
  Time modified{};
  Time changed{};  // its content, mode or place
};

// The open pack that a file beside it belongs to: "name" for "name-journal" and "name-tail"; "" for
// others.
std::string_view open_pack_of(std::string_view file);
// The regular files of a folder; none when it cannot be read.
std::vector<File> files_in(const std::filesystem::path& folder);
std::uint64_t bytes_in(const std::filesystem::path& folder);

}  // namespace ferry::storage
