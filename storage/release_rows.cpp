#include "storage/release_rows.hpp"

#include <fmt/format.h>

namespace ferry::storage::release_rows {
namespace {

constexpr const char* artifact_columns = "role, name, dst_path, from_version, size, sha256, url";

Result<formats::ReleaseArtifact> read_artifact(const Statement& row, int first) {
  formats::ReleaseArtifact artifact;
  const Result<formats::Role> role = formats::role_from(row.text(first));
  if (!role) return fail(role.error());
  artifact.role = *role;
  artifact.name = row.text(first + 1);
  artifact.dst_path = row.text(first + 2);
  artifact.from = row.text(first + 3);
  artifact.size = row.count(first + 4);
  artifact.sha256 = row.sha256(first + 5);
  artifact.url = row.text(first + 6);
  return artifact;
}

Status read_releases(Database& database, std::vector<HeldRelease>& releases,
                     std::vector<std::int64_t>& ids) {
  auto rows = database.prepare(
      "SELECT id, product, version, channel, source, admitted FROM release ORDER BY id");
  if (!rows) return fail(rows.error());
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) return {};
    ids.push_back(rows->integer(0));
    HeldRelease& held = releases.emplace_back();
    held.release.product = rows->text(1);
    held.release.version = rows->text(2);
    held.release.channel = rows->text(3);
    held.source = rows->text(4);
    held.admitted = from_unix_ms(rows->integer(5));
  }
}

// Where a release is fetched from may change; what it is may not.
bool same(const formats::ReleaseArtifact& a, const formats::ReleaseArtifact& b) {
  return a.role == b.role && a.name == b.name && a.dst_path == b.dst_path && a.from == b.from &&
         a.size == b.size && a.sha256 == b.sha256;
}

Status require_same(Database& database, std::int64_t id, const formats::Release& release) {
  const Failure other = fail(
      ErrorCode::exists,
      fmt::format("{} {} is held already, with other artifacts", release.product, release.version));
  auto rows = database.prepare(fmt::format("SELECT {} FROM release_artifact WHERE release = ?1"
                                           " ORDER BY position",
                                           artifact_columns),
                               id);
  if (!rows) return fail(rows.error());
  for (const formats::ReleaseArtifact& artifact : release.artifacts) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) return other;
    const Result<formats::ReleaseArtifact> held = read_artifact(*rows, 0);
    if (!held) return fail(held.error());
    if (!same(*held, artifact)) return other;
  }
  const Result<bool> more = rows->step();
  if (!more) return fail(more.error());
  if (*more) return other;
  return {};
}

Result<std::vector<std::string>> names(Result<Statement> rows) {
  if (!rows) return fail(rows.error());
  std::vector<std::string> names;
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) return names;
    names.push_back(rows->text(0));
  }
}

}  // namespace

Result<std::vector<HeldRelease>> all(Database& database) {
  std::vector<HeldRelease> releases;
  std::vector<std::int64_t> ids;
  const Status done = read_releases(database, releases, ids);
  if (!done) return fail(done.error());
  auto rows = database.prepare(
      "SELECT n.release, a.sha256 IS NOT NULL, n.role, n.name, n.dst_path, n.from_version, n.size,"
      " n.sha256, n.url FROM release_artifact n LEFT JOIN artifact a ON a.sha256 = n.sha256"
      " ORDER BY n.release, n.position");
  if (!rows) return fail(rows.error());
  std::size_t index = 0;
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) return releases;
    while (index < ids.size() && ids[index] < rows->integer(0)) ++index;
    if (index == ids.size()) return releases;
    const Result<formats::ReleaseArtifact> artifact = read_artifact(*rows, 2);
    if (!artifact) return fail(artifact.error());
    releases[index].release.artifacts.push_back(*artifact);
    if (rows->integer(1) == 0) releases[index].complete = false;
  }
}

Result<std::optional<std::int64_t>> find(Database& database, const formats::Release& release) {
  const auto id =
      database.number("SELECT id FROM release WHERE product = ?1 AND version = ?2 AND channel = ?3",
                      release.product, release.version, release.channel);
  if (id) return std::optional<std::int64_t>(*id);
  if (id.error().code == ErrorCode::not_found) return std::optional<std::int64_t>();
  return fail(id.error());
}

Status put(Database& database, const HeldRelease& held) {
  const formats::Release& release = held.release;
  const Result<std::optional<std::int64_t>> known = find(database, release);
  if (!known) return fail(known.error());
  if (*known) return require_same(database, **known, release);
  // A version means the same bytes in every channel: URLs name product and version alone.
  const auto elsewhere =
      database.number("SELECT id FROM release WHERE product = ?1 AND version = ?2 LIMIT 1",
                      release.product, release.version);
  if (!elsewhere && elsewhere.error().code != ErrorCode::not_found) return fail(elsewhere.error());
  if (elsewhere) {
    if (Status same_bytes = require_same(database, *elsewhere, release); !same_bytes) {
      return same_bytes;
    }
  }
  Status done = database.run(
      "INSERT INTO release (product, version, channel, source, admitted) VALUES (?1, ?2, ?3, ?4, "
      "?5)",
      release.product, release.version, release.channel, held.source, to_unix_ms(held.admitted));
  const std::int64_t id = database.last_id();
  for (std::size_t i = 0; done && i < release.artifacts.size(); ++i) {
    const formats::ReleaseArtifact& artifact = release.artifacts[i];
    done = database.run(fmt::format("INSERT INTO release_artifact (release, position, {})"
                                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                                    artifact_columns),
                        id, static_cast<std::uint64_t>(i), formats::to_string(artifact.role),
                        artifact.name, artifact.dst_path, artifact.from, artifact.size,
                        artifact.sha256, artifact.url);
  }
  return done;
}

Status require_complete(Database& database, const formats::Release& release) {
  for (const formats::ReleaseArtifact& artifact : release.artifacts) {
    const auto held =
        database.number("SELECT count(*) FROM artifact WHERE sha256 = ?1 AND size = ?2",
                        artifact.sha256, artifact.size);
    if (!held) return fail(held.error());
    if (*held == 0) {
      return fail(ErrorCode::invalid, fmt::format("{} {}: the bytes of '{}' are not here",
                                                  release.product, release.version, artifact.name));
    }
  }
  return {};
}

Result<std::vector<std::string>> remove(Database& database, std::int64_t release) {
  // Only packs that this release used can become free; others may wait for their release to be
  // admitted.
  const char* unneeded =
      "SELECT DISTINCT p.name FROM release_artifact n JOIN artifact a ON a.sha256 = n.sha256"
      " JOIN pack p ON p.id = a.pack WHERE n.release = ?1 AND NOT EXISTS (SELECT 1 FROM artifact b"
      " JOIN release_artifact m ON m.sha256 = b.sha256 WHERE b.pack = p.id AND m.release <> ?1)";
  Result<std::vector<std::string>> packs = names(database.prepare(unneeded, release));
  if (!packs) return packs;
  Status done = database.run("DELETE FROM release WHERE id = ?1", release);
  for (const std::string& pack : *packs) {
    if (done) done = database.run("DELETE FROM pack WHERE name = ?1", pack);
  }
  if (!done) return fail(done.error());
  return packs;
}

Result<std::vector<std::string>> names_by_pack(Database& database, std::int64_t pack) {
  return names(database.prepare(
      "SELECT DISTINCT r.product || ' ' || r.version FROM artifact a"
      " JOIN release_artifact n ON n.sha256 = a.sha256 JOIN release r ON r.id = n.release"
      " WHERE a.pack = ?1 LIMIT 20",
      pack));
}

Status vouch(Database& database, const HeldRelease& held) {
  const formats::Release& release = held.release;
  Status noted = database.run(
      "INSERT OR REPLACE INTO release_voucher SELECT r.id, t.version FROM release r"
      " JOIN trusted_document t ON t.source = ?4 AND t.name = 'snapshot' AND t.version = ?5"
      " WHERE r.product = ?1 AND r.version = ?2 AND r.channel = ?3",
      release.product, release.version, release.channel, held.source, held.snapshot);
  if (!noted) return noted;
  if (database.changes() == 1) return {};
  return fail(ErrorCode::changed,
              fmt::format("snapshot {}, which names it, is not what source {} trusts now",
                          held.snapshot, held.source));
}

}  // namespace ferry::storage::release_rows
