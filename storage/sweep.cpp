#include "storage/sweep.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "base/log.hpp"

namespace ferry::storage {
namespace {

using namespace std::chrono_literals;

constexpr Duration open_pack_age = 24h * 30;
// Before the clock was set, gateways live in 1970; ages across that jump mean nothing.
constexpr Time earliest_plausible = std::chrono::sys_days(std::chrono::year(2025) / 1 / 1);

Result<std::map<std::string, std::uint64_t>> pack_rows(CatalogDatabase& catalog) {
  std::map<std::string, std::uint64_t> sizes;
  const Status done = catalog.read([&](Database& database) -> Status {
    auto rows = database.prepare("SELECT name, size FROM pack");
    if (!rows) return fail(rows.error());
    for (;;) {
      const Result<bool> row = rows->step();
      if (!row) return fail(row.error());
      if (!*row) return {};
      sizes[rows->text(0)] = rows->count(1);
    }
  });
  if (!done) return fail(done.error());
  return sizes;
}

Status sweep_packs(CatalogDatabase& catalog, CatalogReleases& releases, const Folders& folders) {
  Result<std::map<std::string, std::uint64_t>> rows = pack_rows(catalog);
  if (!rows) return fail(rows.error());
  for (const File& file : files_in(folders.packs)) {
    const auto row = rows->find(file.name);
    if (row == rows->end()) {
      log::warning("storage", "pack {} belongs to no release and was deleted", file.name);
      folders.remove_sealed(file.name);
    } else if (row->second == file.size) {
      rows->erase(row);
    }
  }
  // What is left of the rows has no file, or not the one it was.
  for (const auto& row : *rows) {
    const std::string& name = row.first;
    Status withdrawn = catalog.write([&](Database& database) {
      return releases.withdraw(database, name, "lost", "its file is missing or was cut short");
    });
    if (!withdrawn) return withdrawn;
    log::error("storage", "pack {} is missing or was cut short, its releases are fetched again",
               name);
    Status isolated = folders.isolate(name);
    if (!isolated) return isolated;
  }
  return {};
}

void sweep_incoming(const Folders& folders, std::uint64_t room, Time now) {
  std::vector<File> files = files_in(folders.incoming);
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.modified > b.modified; });
  for (const File& file : files) {
    if (!open_pack_of(file.name).empty()) continue;  // belongs to its pack
    const bool old = file.modified >= earliest_plausible && now - file.modified > open_pack_age;
    if (!old && file.size <= room) {
      room -= file.size;
      continue;
    }
    log::info("storage", "open pack {} was given up: {}", file.name,
              old ? "nobody resumed it for a month" : "the quota has no room for it");
    std::error_code ignored;
    std::filesystem::remove(folders.incoming / file.name, ignored);
  }
  for (const File& file : files) {
    const std::string_view pack = open_pack_of(file.name);
    std::error_code ignored;
    if (!pack.empty() && !std::filesystem::exists(folders.incoming / pack, ignored)) {
      std::filesystem::remove(folders.incoming / file.name, ignored);
    }
  }
}

}  // namespace

Result<std::uint64_t> sealed_bytes(CatalogDatabase& catalog) {
  std::uint64_t bytes = 0;
  const Status done = catalog.read([&](Database& database) -> Status {
    const auto sum = database.number("SELECT coalesce(sum(size), 0) FROM pack");
    if (!sum) return fail(sum.error());
    bytes = static_cast<std::uint64_t>(*sum);
    return {};
  });
  if (!done) return fail(done.error());
  return bytes;
}

Status sweep(CatalogDatabase& catalog, CatalogReleases& releases, const Folders& folders,
             std::uint64_t quota, Time now) {
  Status packs = sweep_packs(catalog, releases, folders);
  if (!packs) return packs;
  const Result<std::uint64_t> sealed = sealed_bytes(catalog);
  if (!sealed) return fail(sealed.error());
  sweep_incoming(folders, quota > *sealed ? quota - *sealed : 0, now);
  return {};
}

}  // namespace ferry::storage
