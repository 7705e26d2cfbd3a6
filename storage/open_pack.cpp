#include "storage/open_pack.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "storage/durability.hpp"
#include "storage/pack_format.hpp"

namespace ferry::storage {
namespace {

using pack_format::chunk_row;
using std::chrono::seconds;
using std::chrono::steady_clock;

// A commit makes the medium flush five times: on a fast link one for each MiB would take longer
// than the link. So a fast link's commits are larger, and a slow link's younger.
constexpr std::uint64_t usual_commit = 1U << 20U;
constexpr seconds usual_age{2};
constexpr seconds longest_age{10};

// The medium is kept busy while bytes come in, so that a commit has little left to wait for.
constexpr std::uint64_t writeback_bytes = 1U << 20U;

Status unlink_if_there(const std::filesystem::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, file.string());
  return {};
}

std::filesystem::path journal_of(const std::filesystem::path& file) {
  return file.string() + "-journal";
}

}  // namespace

Status OpenPack::open() {
  if (database_) return {};
  Status done = open_database();
  if (done) done = recover();
  if (!done) database_.reset();
  return done;
}

// Opens the file, makes the tables of a new one; ErrorCode::corrupt when it is no pack of this
// version. A transaction is left open: a new pack's tables reach the medium together with its first
// bytes.
Status OpenPack::open_database() {
  // A pack that came back from packs/ is still read-only.
  (void)::chmod(file_.c_str(), 0640);
  Result<Database> opened = Database::open(file_, Database::Access::read_write);
  if (!opened) return fail(opened.error());
  database_.emplace(std::move(*opened));
  Status done = database_->script(fmt::format(
      "PRAGMA page_size = {}; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = TRUNCATE;"
      "PRAGMA synchronous = {}; PRAGMA secure_delete = OFF; PRAGMA cache_size = 96;"
      "PRAGMA cell_size_check = ON; BEGIN IMMEDIATE",
      pack_format::page_size, synchronous_mode()));
  if (!done) return done;
  const auto tables = database_->number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return fail(tables.error());
  if (*tables == 0) {
    done = create_tables();
    if (!done) return done;
  }
  const auto application = database_->number("PRAGMA application_id");
  const auto version = database_->number("PRAGMA user_version");
  if (!application || !version || *application != pack_format::application_id ||
      *version != pack_format::version) {
    return fail(ErrorCode::corrupt, file_.string() + ": not an open pack");
  }
  const auto highest = database_->number("SELECT coalesce(max(number), 0) FROM artifact");
  if (!highest) return fail(highest.error());
  next_number_ = *highest + 1;
  resumed_ = *highest > 0;
  uncommitted_ = 0;
  return {};
}

Status OpenPack::create_tables() {
  return database_->script(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}; {}",
                                       pack_format::application_id, pack_format::version,
                                       pack_format::schema));
}

Status OpenPack::recover() {
  std::uint64_t records = 0;
  Status done = tail_.replay([&](const TailRecord& record) {
    ++records;
    return take_in(record);
  });
  if (!done || records == 0) return done;
  resumed_ = true;
  done = commit();
  return done ? tail_.remove() : done;
}

Status OpenPack::take_in(const TailRecord& record) {
  Result<std::optional<PackEntry>> entry = find(record.artifact);
  if (!entry) return fail(entry.error());
  if (!*entry) {
    Result<PackEntry> fresh = insert(record.artifact, record.size, record.validator);
    if (!fresh) return fail(fresh.error());
    *entry = std::move(*fresh);
  }
  // After a power cut it may be an old tail, from before a fresh start.
  if ((*entry)->complete || (*entry)->size != record.size ||
      (*entry)->validator != record.validator) {
    return {};
  }
  return insert_chunk(chunk_row((*entry)->number, record.index), record.sha256, record.content);
}

void OpenPack::close() {
  database_.reset();
  writeback_ = Descriptor();
  uncommitted_ = 0;
}

Status OpenPack::start_over() {
  close();
  Status done = tail_.remove();
  if (done) done = unlink_if_there(journal_of(file_));
  if (done) done = unlink_if_there(file_);
  return done ? open() : done;
}

Status OpenPack::ensure_transaction() {
  if (database_->in_transaction()) return {};
  return database_->script("BEGIN IMMEDIATE");
}

Status OpenPack::commit() {
  if (database_->in_transaction()) {
    Status done = database_->script("COMMIT");
    if (!done) return done;
  }
  uncommitted_ = 0;
  tail_.clear();
  return {};
}

Status OpenPack::finish() {
  Status done = commit();
  close();
  if (done) done = tail_.remove();
  return done ? unlink_if_there(journal_of(file_)) : done;
}

Result<std::optional<PackEntry>> OpenPack::find(const Sha256& sha256) {
  auto row = database_->prepare(
      "SELECT number, size, validator, complete FROM artifact WHERE sha256 = ?1", sha256);
  if (!row) return fail(row.error());
  const Result<bool> known = row->step();
  if (!known) return fail(known.error());
  if (!*known) return std::optional<PackEntry>();
  PackEntry entry;
  entry.sha256 = sha256;
  entry.number = row->integer(0);
  entry.size = row->count(1);
  entry.validator = row->text(2);
  entry.complete = row->integer(3) == 1;
  return std::optional<PackEntry>(std::move(entry));
}

Result<PackEntry> OpenPack::insert(const Sha256& sha256, std::uint64_t size,
                                   const std::string& validator) {
  PackEntry entry;
  entry.sha256 = sha256;
  entry.size = size;
  entry.validator = validator;
  entry.number = next_number_++;
  Status done = ensure_transaction();
  if (done) {
    done = database_->run("INSERT INTO artifact VALUES(?1, ?2, ?3, ?4, 0)", sha256, entry.number,
                          size, validator);
  }
  if (!done) return fail(done.error());
  return entry;
}

Status OpenPack::insert_chunk(std::int64_t row, const Sha256& sha256, Bytes content) {
  Status ready = ensure_transaction();
  if (!ready) return ready;
  if (uncommitted_ == 0) oldest_uncommitted_ = steady_clock::now();
  uncommitted_ += content.size();
  // A chunk only ever grows.
  return database_->run(
      "INSERT INTO chunk VALUES(?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET sha256 = "
      "excluded.sha256,"
      " content = excluded.content WHERE length(excluded.content) > length(content)",
      row, sha256, content);
}

// Begins writing what SQLite has handed to the kernel so far: pages beyond its small cache. Only a
// hint; what must be on the medium is the commit's matter.
void OpenPack::write_back(std::uint64_t length) {
  until_writeback_ += length;
  if (until_writeback_ < writeback_bytes) return;
  until_writeback_ = 0;
  if (!writeback_) writeback_ = Descriptor(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (writeback_) (void)::sync_file_range(writeback_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
}

bool OpenPack::commit_is_due() const {
  const auto age = steady_clock::now() - oldest_uncommitted_;
  return uncommitted_ >= PackWriter::commit_bytes || age >= longest_age ||
         (uncommitted_ >= usual_commit && age >= usual_age);
}

Status OpenPack::put_chunk(const PackEntry& entry, std::uint64_t index, Bytes content) {
  TailRecord record;
  record.artifact = entry.sha256;
  record.size = entry.size;
  record.validator = entry.validator;
  record.index = index;
  record.sha256 = Sha256::of(content);
  record.content = content;
  Status done = insert_chunk(chunk_row(entry.number, index), record.sha256, content);
  if (!done) return done;
  write_back(content.size());
  // Where the tail has no room, only a commit keeps the bytes.
  if (commit_is_due() || !tail_.append(record)) return commit();
  return {};
}

Status OpenPack::cut(const PackEntry& entry, std::uint64_t first) {
  Status ready = ensure_transaction();
  if (!ready) return ready;
  return database_->run("DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2",
                        chunk_row(entry.number, first), chunk_row(entry.number + 1, 0) - 1);
}

Status OpenPack::mark_complete(const PackEntry& entry) {
  Status ready = ensure_transaction();
  if (!ready) return ready;
  return database_->run("UPDATE artifact SET complete = 1 WHERE sha256 = ?1", entry.sha256);
}

Status OpenPack::rename(const PackEntry& entry, const Sha256& sha256) {
  Status done = ensure_transaction();
  if (done) {
    done =
        database_->run("UPDATE artifact SET sha256 = ?2 WHERE sha256 = ?1", entry.sha256, sha256);
  }
  // The tail knows it by its old name, and would bring that back.
  return done ? commit() : done;
}

Status OpenPack::remove(const PackEntry& entry) {
  Status done = cut(entry, 0);
  const bool had_chunks = done && database_->changes() > 0;
  if (done) done = database_->run("DELETE FROM artifact WHERE sha256 = ?1", entry.sha256);
  // The tail may hold its chunks as well, and would bring them back among the new ones.
  return done && had_chunks ? commit() : done;
}

Status OpenPack::remove_unfinished() {
  Status done = ensure_transaction();
  if (done) {
    done = database_->run(
        "DELETE FROM chunk WHERE (id >> ?1) IN"
        " (SELECT number FROM artifact WHERE complete = 0)",
        static_cast<std::int64_t>(pack_format::index_bits));
  }
  if (done) done = database_->run("DELETE FROM artifact WHERE complete = 0");
  return done ? commit() : done;
}

}  // namespace ferry::storage
