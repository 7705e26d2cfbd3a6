#include "storage/catalog_database.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/log.hpp"
#include "storage/durability.hpp"
#include "storage/migrate.hpp"

namespace ferry::storage {
namespace {

// Room for what must still be written when everything else is full: evictions, outcomes, events.
constexpr off_t reserve_bytes = 2 << 20;
constexpr std::uint64_t room_for_reserve = 4ULL * reserve_bytes;

std::filesystem::path reserve_of(const std::filesystem::path& folder) {
  return folder / "reserve";
}

bool has_room(const std::filesystem::path& folder) {
  struct statvfs room {};
  return ::statvfs(folder.c_str(), &room) == 0 &&
         static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize >= room_for_reserve;
}

}  // namespace

CatalogDatabase::CatalogDatabase(std::filesystem::path folder) : folder_(std::move(folder)) {}

Result<std::unique_ptr<CatalogDatabase>> CatalogDatabase::open(
    const std::filesystem::path& folder) {
  std::unique_ptr<CatalogDatabase> catalog(new CatalogDatabase(folder));
  const Status known = refuse_newer(catalog->file());
  if (!known) return fail(known.error());
  Status opened = catalog->open_writable();
  if (!opened && opened.error().code == ErrorCode::read_only) {
    const Error why = opened.error();
    opened = catalog->open_stranded();
    if (opened) log::warning("storage", "{}; what is held is served on", why.message);
  }
  if (!opened) return fail(opened.error());
  if (!catalog->stranded_) catalog->keep_reserve();
  return catalog;
}

Status CatalogDatabase::open_writable() {
  Result<Database> database = Database::open(file(), Database::Access::read_write);
  if (!database) return fail(database.error());
  if (database->read_only()) {
    return fail(ErrorCode::read_only, file().string() + ": the medium cannot be written");
  }
  // EXCLUSIVE before the first access: the log's index stays in this process' memory, there is no
  // file of shared memory to map, and a second agent is refused. The log is kept short, since it
  // stays as long as it once was.
  Status done = database->script(fmt::format(
      "PRAGMA busy_timeout = 2000; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
      "PRAGMA synchronous = {}; PRAGMA wal_autocheckpoint = 256; PRAGMA foreign_keys = ON;"
      "PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY",
      synchronous_mode()));
  if (done) done = migrate(*database, file());
  if (!done) return done;
  database_.emplace(std::move(*database));
  stranded_ = false;
  return {};
}

Status CatalogDatabase::open_stranded() {
  std::error_code ignored;
  const std::filesystem::path log = file().string() + "-wal";
  const bool has_log = std::filesystem::file_size(log, ignored) > 0 && !ignored;
  Result<Database> database =
      Database::open(file(), has_log ? Database::Access::stranded : Database::Access::immutable);
  if (!database) return fail(database.error());
  Status done = database->script("PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -1024");
  if (!done) return done;
  const auto version = database->number("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (*version != static_cast<std::int64_t>(migrations().size())) {
    return fail(ErrorCode::read_only,
                file().string() + ": must be migrated, but the medium cannot be written");
  }
  database_.emplace(std::move(*database));
  stranded_ = true;
  return {};
}

Status CatalogDatabase::ensure_writable() {
  if (!stranded_) return {};
  if (::access(file().c_str(), W_OK) == 0) {
    database_.reset();  // first: closing a file later would give up the locks on it
    Status opened = open_writable();
    if (opened) {
      log::info("storage", "{}: can be written again", file().string());
      return opened;
    }
    Status back = open_stranded();
    if (!back) return back;
  }
  return fail(ErrorCode::read_only, file().string() + ": the medium cannot be written");
}

Status CatalogDatabase::write_once(const Work& work) {
  Result<Transaction> transaction = Transaction::begin(*database_);
  if (!transaction) return fail(transaction.error());
  Status done = work(*database_);
  if (!done) return done;
  return transaction->commit();
}

Status CatalogDatabase::write(const Work& work) {
  const std::lock_guard lock(mutex_);
  Status ready = ensure_writable();
  if (!ready) return ready;
  Status done = write_once(work);
  if (!done && done.error().code == ErrorCode::disk_full && give_up_reserve()) {
    done = write_once(work);
  }
  if (done && reserve_spent_) keep_reserve();
  return done;
}

Status CatalogDatabase::read(const Work& work) {
  const std::lock_guard lock(mutex_);
  if (!database_) {  // it could not be opened again, neither way
    if (Status opened = open_stranded(); !opened) return opened;
  }
  return work(*database_);
}

bool CatalogDatabase::writable() {
  const std::lock_guard lock(mutex_);
  return ensure_writable().has_value();
}

void CatalogDatabase::keep_reserve() {
  const auto reserve = reserve_of(folder_);
  std::error_code ignored;
  if (std::filesystem::file_size(reserve, ignored) == reserve_bytes && !ignored) {
    reserve_spent_ = false;
    return;
  }
  if (!has_room(folder_)) return;
  const Descriptor handle(::open(reserve.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (handle && ::posix_fallocate(handle.get(), 0, reserve_bytes) == 0) reserve_spent_ = false;
}

bool CatalogDatabase::give_up_reserve() {
  if (::unlink(reserve_of(folder_).c_str()) != 0) return false;
  reserve_spent_ = true;
  log::warning("storage", "{}: the disk is full; the reserve of {} KiB is being used",
               folder_.string(), reserve_bytes / 1024);
  return true;
}

}  // namespace ferry::storage
