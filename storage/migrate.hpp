// Migrations: numbered SQL files, immutable once released. Number n takes user_version from n - 1
// to n. Internal to storage/.
#pragma once

#include <span>
#include <string_view>

#include "storage/database.hpp"

namespace ferry::storage {

struct Migration {
  std::string_view name;  // "0001_first.sql"
  std::string_view sql;
};

// All of them, in order.
std::span<const Migration> migrations();

// Fails with ErrorCode::too_new when the file says, in its header, that a later Ferry wrote it, and
// with ErrorCode::corrupt when it is no database. Only reads. A file that is missing or empty
// passes.
Status refuse_newer(const std::filesystem::path& file);

// Brings the database to the newest version, each migration in its own transaction. A newer one is
// ErrorCode::too_new and nothing is written, not even by closing it.
Status migrate(Database& database, const std::filesystem::path& file);

}  // namespace ferry::storage
