// catalog.db: one connection behind one lock. Goes on reading when the medium cannot be written,
// and writing again as soon as it can. Internal to storage/.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "storage/database.hpp"

namespace ferry::storage {

// Thread-safe. Each function holds the lock while it runs.
class CatalogDatabase {
 public:
  using Work = std::function<Status(Database&)>;

  // Opens or creates `folder`/catalog.db and migrates it. The file is locked: a second agent on the
  // same folder is refused.
  static Result<std::unique_ptr<CatalogDatabase>> open(const std::filesystem::path& folder);

  // Runs `work` in one transaction; success means that it is on the medium. `work` may run twice:
  // when the disk is full, a reserve is given up and it is tried again.
  Status write(const Work& work);
  // Runs `work`, which only reads.
  Status read(const Work& work);
  // False while the medium cannot be written.
  bool writable();

 private:
  explicit CatalogDatabase(std::filesystem::path folder);
  std::filesystem::path file() const { return folder_ / "catalog.db"; }
  Status open_writable();
  Status open_stranded();
  Status ensure_writable();
  Status write_once(const Work& work);
  void keep_reserve();
  bool give_up_reserve();

  std::filesystem::path folder_;
  std::mutex mutex_;
  std::optional<Database> database_;
  bool stranded_ = false;
  bool reserve_spent_ = true;
};

}  // namespace ferry::storage
