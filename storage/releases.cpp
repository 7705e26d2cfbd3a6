#include "storage/releases.hpp"

#include <fmt/format.h>

#include <set>

#include "base/log.hpp"
#include "formats/json.hpp"
#include "storage/derived_digest.hpp"
#include "storage/outbox.hpp"
#include "storage/release_rows.hpp"

namespace ferry::storage {
namespace {

// The kinds that devices need are few; a host that asks for ever new ones only pushes out its own.
constexpr std::int64_t max_digests = 16;
// What is kept of an artifact that is no MCUboot image: that is worth knowing, too.
constexpr std::string_view no_image = "-";
// Far above what a site lists that a gateway has no room for.
constexpr std::int64_t max_left_out = 10'000;

std::set<std::string> packs_of(const std::vector<StoredArtifact>& sealed) {
  std::set<std::string> packs;
  for (const StoredArtifact& artifact : sealed) packs.insert(artifact.pack);
  return packs;
}

Result<bool> has_pack(Database& database, const std::string& name) {
  const auto count = database.number("SELECT count(*) FROM pack WHERE name = ?1", name);
  if (!count) return fail(count.error());
  return *count > 0;
}

Status note_left_out(Database& database, const formats::Release& release, Time now) {
  Status noted = database.run("INSERT OR REPLACE INTO left_out VALUES (?1, ?2, ?3, ?4)",
                              release.product, release.version, release.channel, to_unix_ms(now));
  if (!noted) return noted;
  return database.run(
      "DELETE FROM left_out WHERE (product, version, channel) IN (SELECT product, version, channel"
      " FROM left_out ORDER BY at DESC LIMIT -1 OFFSET ?1)",
      max_left_out);
}

Status forget_left_out(Database& database, const formats::Release& release) {
  return database.run("DELETE FROM left_out WHERE product = ?1 AND version = ?2 AND channel = ?3",
                      release.product, release.version, release.channel);
}

}  // namespace

// The row of a pack in packs/, made when it is new there.
Result<std::int64_t> CatalogReleases::put_pack(Database& database, const std::string& name) {
  auto known = database.number("SELECT id FROM pack WHERE name = ?1", name);
  if (known || known.error().code != ErrorCode::not_found) return known;
  std::error_code error;
  const auto size = std::filesystem::file_size(folders_.packs / name, error);
  if (error) return fail(ErrorCode::invalid, fmt::format("pack {} is not in packs/", name));
  const Status done =
      database.run("INSERT INTO pack (name, size, checked) VALUES (?1, ?2, ?3)", name,
                   static_cast<std::uint64_t>(size), to_unix_ms(clock_.now()));
  if (!done) return fail(done.error());
  return database.last_id();
}

// An artifact that is held already stays in its pack. A pack in which nothing is new gets no row.
Status CatalogReleases::put_packs(Database& database, const std::vector<StoredArtifact>& sealed,
                                  std::vector<std::string>& unneeded) {
  for (const std::string& name : packs_of(sealed)) {
    const Result<std::int64_t> pack = put_pack(database, name);
    if (!pack) return fail(pack.error());
    Status done;
    for (const StoredArtifact& artifact : sealed) {
      if (!done || artifact.pack != name) continue;
      done = database.run("INSERT OR IGNORE INTO artifact VALUES (?1, ?2, ?3, ?4)", artifact.sha256,
                          artifact.size, artifact.chunk_root, *pack);
    }
    if (!done) return done;
    const auto used = database.number("SELECT count(*) FROM artifact WHERE pack = ?1", *pack);
    if (!used) return fail(used.error());
    if (*used > 0) continue;
    unneeded.push_back(name);
    done = database.run("DELETE FROM pack WHERE id = ?1", *pack);
    if (!done) return done;
  }
  return {};
}

Status CatalogReleases::admit(const HeldRelease& release, const std::vector<StoredArtifact>& sealed,
                              const std::vector<Event>& events) {
  std::vector<std::string> unneeded;
  Status done = catalog_.write([&](Database& database) {
    unneeded.clear();
    Status step = put_packs(database, sealed, unneeded);
    if (step) step = release_rows::put(database, release);
    if (step) step = release_rows::require_complete(database, release.release);
    if (step && release.snapshot != 0) step = release_rows::vouch(database, release);
    if (step) step = forget_left_out(database, release.release);
    if (step) step = add_events(database, events, outbox_limit_);
    return step;
  });
  if (done) {
    for (const std::string& pack : unneeded) folders_.remove_sealed(pack);
    return done;
  }
  const ErrorCode code = done.error().code;
  undo_seal(sealed, code != ErrorCode::exists && code != ErrorCode::invalid);
  return fail(done.error(),
              fmt::format("admitting {} {}", release.release.product, release.release.version));
}

void CatalogReleases::undo_seal(const std::vector<StoredArtifact>& sealed, bool may_pass) {
  for (const std::string& name : packs_of(sealed)) {
    const Status looked = catalog_.read([&](Database& database) -> Status {
      const Result<bool> known = has_pack(database, name);
      if (!known) return fail(known.error());
      if (*known) return {};
      if (may_pass) {
        folders_.reopen(name);
      } else {
        folders_.remove_sealed(name);
      }
      return {};
    });
    if (!looked) log::warning("storage", "pack {}: {}", name, looked.error().message);
  }
}

Result<std::vector<HeldRelease>> CatalogReleases::all() {
  std::vector<HeldRelease> releases;
  const Status done = catalog_.read([&](Database& database) -> Status {
    Result<std::vector<HeldRelease>> rows = release_rows::all(database);
    if (!rows) return fail(rows.error());
    releases = std::move(*rows);
    return {};
  });
  if (!done) return fail(done.error());
  return releases;
}

template <typename... Values>
Result<std::vector<StoredArtifact>> CatalogReleases::select(std::string_view where,
                                                            const Values&... values) {
  std::vector<StoredArtifact> artifacts;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto rows =
        database.prepare(fmt::format("SELECT a.sha256, a.size, a.chunk_root, p.name FROM artifact a"
                                     " JOIN pack p ON p.id = a.pack {}",
                                     where),
                         values...);
    if (!rows) return fail(rows.error());
    for (;;) {
      const Result<bool> row = rows->step();
      if (!row) return fail(row.error());
      if (!*row) return {};
      artifacts.push_back({rows->sha256(0), rows->count(1), rows->sha256(2), rows->text(3)});
    }
  });
  if (!done) return fail(done.error());
  return artifacts;
}

Result<std::vector<StoredArtifact>> CatalogReleases::artifacts() {
  return select("");
}

Result<std::vector<StoredArtifact>> CatalogReleases::artifacts_of(const std::string& pack) {
  return select("WHERE p.name = ?1", pack);
}

Result<std::optional<StoredArtifact>> CatalogReleases::find(const Sha256& sha256) {
  Result<std::vector<StoredArtifact>> found = select("WHERE a.sha256 = ?1", sha256);
  if (!found) return fail(found.error());
  if (found->empty()) return std::optional<StoredArtifact>();
  return std::optional<StoredArtifact>(found->front());
}

Result<std::string> CatalogReleases::cached_digest(const Sha256& sha256, const std::string& kind) {
  std::string value;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto row =
        database.prepare("SELECT value FROM digest WHERE sha256 = ?1 AND kind = ?2", sha256, kind);
    if (!row) return fail(row.error());
    const Result<bool> found = row->step();
    if (!found) return fail(found.error());
    if (*found) value = row->text(0);
    return {};
  });
  if (!done) return fail(done.error());
  return value;
}

// A digest that cannot be kept is computed again next time; that is no reason to serve nobody.
void CatalogReleases::cache_digest(const Sha256& sha256, const std::string& kind,
                                   const std::string& value) {
  const Status kept = catalog_.write([&](Database& database) -> Status {
    const auto count = database.number("SELECT count(*) FROM digest WHERE sha256 = ?1", sha256);
    if (!count) return fail(count.error());
    if (*count >= max_digests) {
      Status cleared = database.run("DELETE FROM digest WHERE sha256 = ?1", sha256);
      if (!cleared) return cleared;
    }
    return database.run(
        "INSERT OR REPLACE INTO digest SELECT sha256, ?2, ?3 FROM artifact"
        " WHERE sha256 = ?1",
        sha256, kind, value);
  });
  if (!kept) log::warning("storage", "{}", kept.error().message);
}

Result<std::string> CatalogReleases::digest(const Sha256& sha256, const std::string& kind) {
  const bool of_image = kind == mcuboot_kind;
  const std::optional<DigestKind> parsed = parse_digest_kind(kind);
  if (!parsed && !of_image) {
    return fail(ErrorCode::invalid, fmt::format("'{}' is no kind of digest", kind));
  }
  const Result<std::optional<StoredArtifact>> artifact = find(sha256);
  if (!artifact) return fail(artifact.error());
  if (!*artifact) return fail(ErrorCode::not_found, "artifact " + sha256.hex() + " is not held");
  if (kind == "sha256") return sha256.hex();
  Result<std::string> cached = cached_digest(sha256, kind);
  if (cached && *cached == no_image) return std::string();
  if (!cached || !cached->empty()) return cached;
  // Without the lock: a large artifact takes seconds.
  Result<std::string> value = of_image ? derive_mcuboot(folders_.packs, **artifact)
                                       : derive_digest(folders_.packs, **artifact, *parsed);
  if (value) {
    cache_digest(sha256, kind, value->empty() ? std::string(no_image) : *value);
  } else if (value.error().code == ErrorCode::corrupt) {
    const Status taken = quarantine((*artifact)->pack, value.error().message);
    if (!taken) log::error("storage", "{}", taken.error().message);
  }
  return value;
}

Status CatalogReleases::withdraw(Database& database, const std::string& pack, const char* kind,
                                 const std::string& why) {
  const auto id = database.number("SELECT id FROM pack WHERE name = ?1", pack);
  if (!id) return fail(id.error(), "pack " + pack);
  const Result<std::vector<std::string>> releases = release_rows::names_by_pack(database, *id);
  if (!releases) return fail(releases.error());
  Status done = database.run("DELETE FROM pack WHERE id = ?1", *id);
  if (!done) return done;
  formats::Json detail = {{"pack", pack}, {"why", why}, {"releases", *releases}};
  Event event;
  event.at = clock_.now();
  event.kind = kind;
  event.detail = formats::to_text(detail);
  return add_events(database, {event}, outbox_limit_);
}

Status CatalogReleases::quarantine(const std::string& pack, const std::string& why) {
  Status done = catalog_.write(
      [&](Database& database) { return withdraw(database, pack, "quarantined", why); });
  if (!done) return done;
  log::error("storage", "pack {} is bad and was taken out, its releases are fetched again: {}",
             pack, why);
  return folders_.isolate(pack);
}

Status CatalogReleases::evict(const formats::Release& release, const std::string& why) {
  std::vector<std::string> packs;
  Status done = catalog_.write([&](Database& database) -> Status {
    packs.clear();
    const Result<std::optional<std::int64_t>> id = release_rows::find(database, release);
    if (!id) return fail(id.error());
    if (!*id) {
      return fail(ErrorCode::not_found,
                  fmt::format("{} {} is not held", release.product, release.version));
    }
    Result<std::vector<std::string>> freed = release_rows::remove(database, **id);
    if (!freed) return fail(freed.error());
    packs = std::move(*freed);
    Status noted = note_left_out(database, release, clock_.now());
    if (!noted) return noted;
    formats::Json detail = {{"product", release.product},
                            {"version", release.version},
                            {"channel", release.channel},
                            {"why", why}};
    Event event;
    event.at = clock_.now();
    event.kind = "evicted";
    event.detail = formats::to_text(detail);
    return add_events(database, {event}, outbox_limit_);
  });
  if (!done) return done;
  for (const std::string& pack : packs) folders_.remove_sealed(pack);
  return {};
}

Status CatalogReleases::leave_out(const formats::Release& release) {
  return catalog_.write(
      [&](Database& database) { return note_left_out(database, release, clock_.now()); });
}

Result<std::vector<formats::Release>> CatalogReleases::left_out() {
  std::vector<formats::Release> releases;
  const Status done = catalog_.read([&](Database& database) -> Status {
    auto rows = database.prepare("SELECT product, version, channel FROM left_out");
    if (!rows) return fail(rows.error());
    for (;;) {
      const Result<bool> row = rows->step();
      if (!row) return fail(row.error());
      if (!*row) return {};
      formats::Release& release = releases.emplace_back();
      release.product = rows->text(0);
      release.version = rows->text(1);
      release.channel = rows->text(2);
    }
  });
  if (!done) return fail(done.error());
  return releases;
}

}  // namespace ferry::storage
