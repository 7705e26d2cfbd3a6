// Releases as rows of catalog.db. The functions run inside the caller's transaction. Internal to
// storage/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/database.hpp"
#include "storage/store.hpp"

namespace ferry::storage::release_rows {

Result<std::vector<HeldRelease>> all(Database& database);
// The row of a product's version in a channel.
Result<std::optional<std::int64_t>> find(Database& database, const formats::Release& release);
// Inserts the release, or finds the same one there; ErrorCode::exists when it names other
// artifacts.
Status put(Database& database, const HeldRelease& release);
// ErrorCode::invalid unless each artifact of the release has its bytes.
Status require_complete(Database& database, const formats::Release& release);
// Notes which trusted snapshot names the release; ErrorCode::changed when its source trusts another
// one now.
Status vouch(Database& database, const HeldRelease& held);
// Removes the release and each pack that no other release needs; gives the names of those packs.
Result<std::vector<std::string>> remove(Database& database, std::int64_t release);
// "product version" of the releases that need a pack, a few at most: for people to read.
Result<std::vector<std::string>> names_by_pack(Database& database, std::int64_t pack);

}  // namespace ferry::storage::release_rows
