#include "storage/operators.hpp"

namespace ferry::storage {

Result<std::set<std::pair<std::string, std::string>>> CatalogOperators::pins() {
  std::set<std::pair<std::string, std::string>> pins;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto rows = database.prepare("SELECT product, version FROM pin");
    if (!rows) return fail(rows.error());
    for (;;) {
      const Result<bool> row = rows->step();
      if (!row) return fail(row.error());
      if (!*row) return {};
      pins.emplace(rows->text(0), rows->text(1));
    }
  });
  if (!done) return fail(done.error());
  return pins;
}

Status CatalogOperators::pin(const std::string& product, const std::string& version, bool pinned) {
  return catalog_.write([&](Database& database) {
    return pinned ? database.run("INSERT OR IGNORE INTO pin VALUES (?1, ?2)", product, version)
                  : database.run("DELETE FROM pin WHERE product = ?1 AND version = ?2", product,
                                 version);
  });
}

Result<std::uint64_t> CatalogOperators::command_sequence(const std::string& key) {
  std::uint64_t sequence = 0;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto row = database.prepare("SELECT sequence FROM command_key WHERE key = ?1", key);
    if (!row) return fail(row.error());
    const Result<bool> found = row->step();
    if (!found) return fail(found.error());
    if (*found) sequence = row->count(0);
    return {};
  });
  if (!done) return fail(done.error());
  return sequence;
}

Status CatalogOperators::keep_command_sequence(const std::string& key, std::uint64_t sequence) {
  return catalog_.write([&](Database& database) -> Status {
    Status done = database.run(
        "INSERT INTO command_key VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE"
        " SET sequence = excluded.sequence WHERE excluded.sequence > sequence",
        key, sequence);
    if (done && database.changes() == 0) {
      return fail(ErrorCode::denied, "a higher sequence number was kept before");
    }
    return done;
  });
}

}  // namespace ferry::storage
