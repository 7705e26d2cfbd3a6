#include "storage/trust.hpp"

namespace ferry::storage {
namespace {

Status remove_others(Database& database, const std::string& source,
                     const std::set<std::string>& only) {
  std::vector<std::string> others;
  auto rows = database.prepare("SELECT name FROM trusted_document WHERE source = ?1", source);
  if (!rows) return fail(rows.error());
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) break;
    if (!only.contains(rows->text(0))) others.push_back(rows->text(0));
  }
  for (const std::string& name : others) {
    Status gone =
        database.run("DELETE FROM trusted_document WHERE source = ?1 AND name = ?2", source, name);
    if (!gone) return gone;
  }
  return {};
}

Status apply(Database& database, const TrustChange& change) {
  for (const TrustedDocument& document : change.documents) {
    Status kept =
        database.run("INSERT OR REPLACE INTO trusted_document VALUES (?1, ?2, ?3, ?4)",
                     change.source, document.name, document.version, as_bytes(document.content));
    if (!kept) return kept;
  }
  return change.only ? remove_others(database, change.source, *change.only) : Status();
}

}  // namespace

Result<std::optional<TrustedDocument>> CatalogTrust::find(const std::string& source,
                                                          const std::string& name) {
  std::optional<TrustedDocument> found;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto rows = database.prepare(
        "SELECT version, content FROM trusted_document WHERE source = ?1 AND name = ?2", source,
        name);
    if (!rows) return fail(rows.error());
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (*row) found = TrustedDocument{name, rows->count(0), std::string(as_text(rows->blob(1)))};
    return {};
  });
  if (!done) return fail(done.error(), "trusted document " + name);
  return found;
}

Status CatalogTrust::put(const std::vector<TrustChange>& changes) {
  return catalog_.write([&](Database& database) {
    Status done;
    for (const TrustChange& change : changes) {
      if (done) done = apply(database, change);
    }
    return done;
  });
}

Result<Time> CatalogTrust::time_floor() {
  Time floor{};
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto rows = database.prepare("SELECT value FROM counter WHERE name = 'time_floor'");
    if (!rows) return fail(rows.error());
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (*row) floor = from_unix_ms(rows->integer(0));
    return {};
  });
  if (!done) return fail(done.error(), "time floor");
  return floor;
}

Status CatalogTrust::put_time_floor(Time floor) {
  return catalog_.write([&](Database& database) {
    // Two sources may learn the time at the same moment.
    return database.run(
        "INSERT INTO counter VALUES ('time_floor', ?1)"
        " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        to_unix_ms(floor));
  });
}

}  // namespace ferry::storage
