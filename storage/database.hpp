// A thin layer over SQLite: statements, transactions, and errors that name the file and what to do.
// Internal to storage/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace ferry::storage {

// The failure that SQLite's result code stands for: "FILE: what happened; what to do".
Failure database_failure(sqlite3* database, int code);

// A prepared statement. Owned by one thread; must not outlive its Database.
class Statement {
 public:
  // True while there is a row.
  Result<bool> step();
  // Begins anew with other values.
  template <typename... Values>
  void again(const Values&... values) {
    reset();
    bind_all(values...);
  }
  void reset();

  // Columns of the current row, from 0. Text and blobs are valid until the next step().
  std::int64_t integer(int column) const;
  std::uint64_t count(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  std::string text(int column) const;
  Bytes blob(int column) const;
  // A column that holds 32 bytes; anything else reads as zeros, which no artifact has.
  Sha256 sha256(int column) const { return Sha256::from_bytes(blob(column)).value_or(Sha256{}); }

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  template <typename... Values>
  void bind_all(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
  }
  void bind(int index, std::int64_t value);
  void bind(int index, std::uint64_t value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, int value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, bool value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, std::string_view value);
  void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
  void bind(int index, const char* value) { bind(index, std::string_view(value)); }
  void bind(int index, Bytes value);
  void bind(int index, const Sha256& value) { bind(index, Bytes(value.bytes)); }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// One connection. Not thread-safe. Movable.
class Database {
 public:
  enum class Access {
    read_write,  // created when it is missing
    immutable,   // a file that nobody changes: no locks, no journals
    stranded,    // a WAL database on a medium that cannot be written: its log is read in place
  };

  static Result<Database> open(const std::filesystem::path& file, Access access);

  // A statement with its values bound in order.
  template <typename... Values>
  Result<Statement> prepare(std::string_view sql, const Values&... values) {
    Result<Statement> statement = compile(sql);
    if (statement) statement->bind_all(values...);
    return statement;
  }
  // Runs a statement to its end; its rows are not wanted.
  template <typename... Values>
  Status run(std::string_view sql, const Values&... values) {
    Result<Statement> statement = prepare(sql, values...);
    if (!statement) return fail(statement.error());
    return drain(*statement);
  }
  // The first column of the first row; ErrorCode::not_found when there is none.
  template <typename... Values>
  Result<std::int64_t> number(std::string_view sql, const Values&... values) {
    Result<Statement> statement = prepare(sql, values...);
    if (!statement) return fail(statement.error());
    return first_number(*statement);
  }
  // Runs statements without values, separated by ';'.
  Status script(const std::string& sql);

  std::int64_t last_id() const;
  std::uint64_t changes() const;
  bool in_transaction() const;
  bool read_only() const;
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}
  Result<Statement> compile(std::string_view sql);
  static Status drain(Statement& statement);
  static Result<std::int64_t> first_number(Statement& statement);

  std::unique_ptr<sqlite3, Close> handle_;
};

// All or nothing: rolled back unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  // What was written is on the medium when this returns success.
  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace ferry::storage
