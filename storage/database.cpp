#include "storage/database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <system_error>

namespace ferry::storage {
namespace {

struct Meaning {
  ErrorCode code;
  std::string advice;
};

Meaning meaning_of_errno(int error_number) {
  const std::string text = std::generic_category().message(error_number);
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {ErrorCode::disk_full, text + "; free some space there or lower [storage] quota"};
    case EROFS:
      return {ErrorCode::read_only, text + "; make it writable, nothing else is needed"};
    case EACCES:
    case EPERM:
      return {ErrorCode::denied, text + "; the folder must belong to ferryd's user"};
    case ENOENT:
      return {ErrorCode::not_found, text};
    default:
      return {ErrorCode::io, text + "; check the medium"};
  }
}

// errno itself does not survive the rollback that follows a failed write; each file keeps its last
// one.
int last_errno(sqlite3* database) {
  int error_number = 0;
  sqlite3_file_control(database, "main", SQLITE_FCNTL_LAST_ERRNO, &error_number);
  if (error_number != 0) return error_number;
  sqlite3_file* journal = nullptr;
  sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal);
  if (journal != nullptr && journal->pMethods != nullptr) {
    journal->pMethods->xFileControl(journal, SQLITE_FCNTL_LAST_ERRNO, &error_number);
  }
  return error_number != 0 ? error_number : sqlite3_system_errno(database);
}

Meaning meaning_of(sqlite3* database, int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return meaning_of_errno(ENOSPC);
    case SQLITE_READONLY:
      return meaning_of_errno(EROFS);
    case SQLITE_ERROR:  // statements are ours, so the tables are not
      return {ErrorCode::corrupt, std::string(sqlite3_errmsg(database)) + "; not what Ferry wrote"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorCode::corrupt, "damaged: this is not what Ferry wrote"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::unavailable, "in use by another process; is ferryd running already?"};
    case SQLITE_TOOBIG:
      return {ErrorCode::too_large, "a value is too large"};
    case SQLITE_CONSTRAINT:
      return {ErrorCode::invalid, sqlite3_errmsg(database)};
    case SQLITE_IOERR:
      if (code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS) {
        return {ErrorCode::corrupt, "cut short: this is not what Ferry wrote"};
      }
      if (const int error_number = last_errno(database); error_number != 0) {
        return meaning_of_errno(error_number);
      }
      break;
    case SQLITE_CANTOPEN:
      if (const int error_number = sqlite3_system_errno(database); error_number != 0) {
        return meaning_of_errno(error_number);
      }
      break;
    default:
      break;
  }
  return {ErrorCode::io, sqlite3_errmsg(database)};
}

// '?' and '#' end the path of a URI, '%' begins an escape.
std::string uri_of(const std::filesystem::path& file, std::string_view parameters) {
  std::string uri = "file:";
  for (const char letter : file.string()) {
    if (letter == '%' || letter == '?' || letter == '#') {
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(letter));
    } else {
      uri += letter;
    }
  }
  return uri + std::string(parameters);
}

}  // namespace

Failure database_failure(sqlite3* database, int code) {
  const char* name = sqlite3_db_filename(database, "main");
  Meaning meaning = meaning_of(database, code);
  return fail(meaning.code,
              fmt::format("{}: {}", name == nullptr ? "database" : name, meaning.advice));
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3* database = sqlite3_db_handle(statement_.get());
  return database_failure(database, sqlite3_extended_errcode(database));
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  return std::string(as_text(blob(column)));
}

Bytes Statement::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const std::byte*>(data),
          data == nullptr ? 0 : static_cast<std::size_t>(size)};
}

void Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
}

void Statement::bind(int index, std::string_view value) {
  // A null pointer would bind NULL, not "".
  sqlite3_bind_text64(statement_.get(), index, value.data() == nullptr ? "" : value.data(),
                      value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::bind(int index, Bytes value) {
  const void* data = value.data();
  sqlite3_bind_blob64(statement_.get(), index, data == nullptr ? "" : data, value.size(),
                      SQLITE_TRANSIENT);
}

void Database::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

Result<Database> Database::open(const std::filesystem::path& file, Access access) {
  const int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (access == Access::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                                  : SQLITE_OPEN_READONLY);
  const std::string uri = uri_of(file, access == Access::immutable ? "?immutable=1" : "");
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &handle, flags,
                                   access == Access::stranded ? "unix-none" : nullptr);
  if (handle == nullptr) return fail(ErrorCode::io, file.string() + ": out of memory");
  Database database(handle);
  if (code != SQLITE_OK) {
    const Meaning meaning = meaning_of(handle, code);
    return fail(meaning.code, file.string() + ": " + meaning.advice);
  }
  // Without its private pool of small allocations a connection takes a third of the memory.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_LOOKASIDE, nullptr, 0, 0);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return database;
}

Result<Statement> Database::compile(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(handle(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return database_failure(handle(), code);
  return Statement(statement);
}

Status Database::drain(Statement& statement) {
  for (;;) {
    const Result<bool> row = statement.step();
    if (!row) return fail(row.error());
    if (!*row) return {};
  }
}

Result<std::int64_t> Database::first_number(Statement& statement) {
  const Result<bool> row = statement.step();
  if (!row) return fail(row.error());
  if (!*row) return fail(ErrorCode::not_found, "no such row");
  return statement.integer(0);
}

Status Database::script(const std::string& sql) {
  const int code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return database_failure(handle(), code);
  return {};
}

std::int64_t Database::last_id() const {
  return sqlite3_last_insert_rowid(handle());
}

std::uint64_t Database::changes() const {
  return static_cast<std::uint64_t>(sqlite3_changes64(handle()));
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle()) == 0;
}

bool Database::read_only() const {
  return sqlite3_db_readonly(handle(), "main") == 1;
}

Result<Transaction> Transaction::begin(Database& database) {
  const Status begun = database.script("BEGIN IMMEDIATE");
  if (!begun) return fail(begun.error());
  return Transaction(database);
}

Transaction::~Transaction() {
  // SQLite rolls back by itself after some errors; then there is nothing left to roll back, and a
  // rollback that fails leaves the journal, which the next one to open the file rolls back.
  if (database_ != nullptr && database_->in_transaction()) (void)database_->script("ROLLBACK");
}

Status Transaction::commit() {
  Status done = database_->script("COMMIT");
  if (done) database_ = nullptr;
  return done;
}

}  // namespace ferry::storage
