// The file of an open pack: rows of artifacts and chunks, and when they are committed. What an
// artifact is and how far it has come is PackWriter's business. Internal to storage/.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "storage/database.hpp"
#include "storage/pack.hpp"
#include "storage/tail_log.hpp"

namespace ferry::storage {

// An artifact in an open pack.
struct PackEntry {
  Sha256 sha256;
  std::uint64_t size = 0;
  std::int64_t number = 0;
  std::string validator;
  bool complete = false;
};

// Not thread-safe.
class OpenPack {
 public:
  explicit OpenPack(const std::filesystem::path& file)
      : file_(file), tail_(file.string() + "-tail") {}

  const std::filesystem::path& file() const { return file_; }
  bool is_open() const { return database_.has_value(); }
  // True when bytes in it are older than this writer: nobody knows what the medium did to them.
  bool resumed() const { return resumed_; }
  Database& database() { return *database_; }

  // Opens or creates the file, and takes in what a killed writer left beside it. Does nothing when
  // it is open.
  Status open();
  // Gives up what was not committed; open() finds the rest. The tail keeps it, if the process lives
  // or not.
  void close();
  // Deletes the file and begins a new one.
  Status start_over();
  // Everything so far is on the medium.
  Status commit();
  // Commits, closes, and leaves nothing but the file.
  Status finish();

  Result<std::optional<PackEntry>> find(const Sha256& sha256);
  Result<PackEntry> insert(const Sha256& sha256, std::uint64_t size, const std::string& validator);
  // Commits when it is time to.
  Status put_chunk(const PackEntry& entry, std::uint64_t index, Bytes content);
  // Takes the chunks from `first` on away.
  Status cut(const PackEntry& entry, std::uint64_t first);
  Status mark_complete(const PackEntry& entry);
  // A complete one gets another name; on the medium when this returns.
  Status rename(const PackEntry& entry, const Sha256& sha256);
  Status remove(const PackEntry& entry);
  Status remove_unfinished();

 private:
  Status open_database();
  Status create_tables();
  Status recover();
  Status take_in(const TailRecord& record);
  Status ensure_transaction();
  Status insert_chunk(std::int64_t row, const Sha256& sha256, Bytes content);
  void write_back(std::uint64_t length);
  bool commit_is_due() const;

  std::filesystem::path file_;
  TailLog tail_;
  // Closed after the database: closing any descriptor of a file ends the process's locks on it.
  Descriptor writeback_;
  std::uint64_t until_writeback_ = 0;
  std::optional<Database> database_;
  std::int64_t next_number_ = 1;
  std::uint64_t uncommitted_ = 0;
  std::chrono::steady_clock::time_point oldest_uncommitted_{};
  bool resumed_ = false;
};

}  // namespace ferry::storage
