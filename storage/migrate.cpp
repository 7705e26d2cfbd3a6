#include "storage/migrate.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/file.hpp"

namespace ferry::storage {
namespace {

Failure too_new(const std::filesystem::path& file, std::int64_t version) {
  return fail(
      ErrorCode::too_new,
      fmt::format("{}: version {} was written by a later Ferry, this one knows {}; it was left"
                  " untouched; install that Ferry again or give [storage] another path",
                  file.string(), version, migrations().size()));
}

}  // namespace

Status refuse_newer(const std::filesystem::path& file) {
  const Descriptor handle(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!handle && errno == ENOENT) return {};
  if (!handle) return fail_errno(errno, file.string());
  std::array<unsigned char, 100> header{};
  const ssize_t got = ::pread(handle.get(), header.data(), header.size(), 0);
  if (got < 0) return fail_errno(errno, file.string());
  if (got == 0) return {};
  static constexpr std::string_view magic("SQLite format 3\0", 16);
  if (got != static_cast<ssize_t>(header.size()) ||
      as_text(std::as_bytes(std::span(header))).substr(0, magic.size()) != magic) {
    return fail(ErrorCode::corrupt,
                file.string() + ": not a database; move it away and everything is fetched anew");
  }
  std::uint32_t version = 0;  // user_version: bytes 60 to 63, the highest first
  for (std::size_t i = 60; i < 64; ++i) version = version << 8 | header[i];
  if (version > migrations().size()) return too_new(file, version);
  return {};
}

Status migrate(Database& database, const std::filesystem::path& file) {
  const auto version = database.number("PRAGMA user_version");
  if (!version) return fail(version.error());
  const auto newest = static_cast<std::int64_t>(migrations().size());
  if (*version > newest) {
    // The version stood in the write-ahead log alone: closing must not move it into the file.
    sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return too_new(file, *version);
  }
  for (std::int64_t next = *version; next < newest; ++next) {
    const Migration& migration = migrations()[static_cast<std::size_t>(next)];
    Result<Transaction> transaction = Transaction::begin(database);
    if (!transaction) return fail(transaction.error());
    Status done = database.script(std::string(migration.sql));
    if (done) done = database.script(fmt::format("PRAGMA user_version = {}", next + 1));
    if (done) done = transaction->commit();
    if (!done) return fail(done.error(), migration.name);
  }
  return {};
}

}  // namespace ferry::storage
