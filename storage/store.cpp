#include "storage/store.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include "base/log.hpp"
#include "storage/catalog_database.hpp"
#include "storage/fleet.hpp"
#include "storage/folders.hpp"
#include "storage/jobs.hpp"
#include "storage/operators.hpp"
#include "storage/outbox.hpp"
#include "storage/releases.hpp"
#include "storage/rollouts.hpp"
#include "storage/sweep.hpp"
#include "storage/trust.hpp"
#include "storage/wakes.hpp"

namespace ferry::storage {
namespace {

// A pack is a little larger than its artifacts: tables, and pages that are not full.
std::uint64_t with_overhead(std::uint64_t payload) {
  return payload + payload / 64 + (256U << 10U);
}

// With less left than this the file system counts as full: hardly a release fits.
constexpr std::uint64_t too_little = 1U << 20U;

std::uint64_t free_bytes(const std::filesystem::path& folder) {
  struct statvfs room {};
  if (::statvfs(folder.c_str(), &room) != 0) return UINT64_MAX;  // then writing will tell
  return static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
}

class StoreOnDisk final : public Store {
 public:
  StoreOnDisk(const StoreOptions& options, const Clock& clock,
              std::unique_ptr<CatalogDatabase> catalog)
      : options_(options),
        clock_(clock),
        folders_(options.folder),
        catalog_(std::move(catalog)),
        releases_(*catalog_, folders_, clock, options.outbox_limit),
        job_reports_{options.report_limit},
        fleet_(*catalog_, options.outbox_limit, job_reports_),
        trust_(*catalog_),
        rollouts_(*catalog_, options.outbox_limit),
        operators_(*catalog_),
        jobs_(*catalog_, job_reports_),
        wakes_(*catalog_, options.outbox_limit),
        outbox_(*catalog_, options.outbox_limit) {}

  ReleaseStore& releases() override { return releases_; }
  FleetStore& fleet() override { return fleet_; }
  TrustStore& trust() override { return trust_; }
  RolloutStore& rollouts() override { return rollouts_; }
  OperatorStore& operators() override { return operators_; }
  JobStore& jobs() override { return jobs_; }
  WakeStore& wakes() override { return wakes_; }
  Outbox& outbox() override { return outbox_; }
  std::filesystem::path packs_folder() const override { return folders_.packs; }
  Result<Usage> usage() override;
  Result<PackWriter> incoming(const std::string& name, std::uint64_t expected) override;
  Result<std::uint64_t> shortfall(const std::map<std::string, std::uint64_t>& packs) override;
  Result<bool> scrub_step(Duration interval) override;
  Status sweep_all() { return sweep(*catalog_, releases_, folders_, options_.quota, clock_.now()); }

 private:
  // All in bytes.
  struct Room {
    std::uint64_t used = 0;  // of the quota, by sealed and open packs
    std::uint64_t quarantined = 0;
    std::uint64_t free = 0;  // on the file system
    std::uint64_t wanted = 0;
  };
  Result<Room> room_for(const std::map<std::string, std::uint64_t>& packs);
  Status require_writable();
  Status require_room(const std::string& name, std::uint64_t expected);
  Result<std::string> longest_unchecked(Duration interval);

  StoreOptions options_;
  const Clock& clock_;
  Folders folders_;
  std::unique_ptr<CatalogDatabase> catalog_;
  CatalogReleases releases_;
  ReportCount job_reports_;
  CatalogFleet fleet_;
  CatalogTrust trust_;
  CatalogRollouts rollouts_;
  CatalogOperators operators_;
  CatalogJobs jobs_;
  CatalogWakes wakes_;
  CatalogOutbox outbox_;
};

Result<Usage> StoreOnDisk::usage() {
  const Result<std::uint64_t> sealed = sealed_bytes(*catalog_);
  if (!sealed) return fail(sealed.error());
  Usage usage;
  usage.bytes = *sealed + bytes_in(folders_.incoming) + bytes_in(folders_.quarantine);
  usage.quota = options_.quota;
  usage.quarantined = files_in(folders_.quarantine).size();
  const Result<std::uint64_t> dropped = outbox_.dropped();
  if (!dropped) return fail(dropped.error());
  usage.events_dropped = *dropped;
  if (const Status writable = require_writable(); !writable) {
    usage.trouble = writable.error().message;
  } else if (const auto left = free_bytes(folders_.root); left < too_little) {
    usage.trouble = fmt::format("{}: the file system is full, {} bytes are left; free some",
                                options_.folder.string(), left);
  }
  const Status counted = catalog_->read([&](Database& database) -> Status {
    const auto packs = database.number("SELECT count(*) FROM pack");
    if (!packs) return fail(packs.error());
    usage.packs = static_cast<std::uint64_t>(*packs);
    return count_reports(database, usage);
  });
  if (!counted) return fail(counted.error());
  return usage;
}

Status StoreOnDisk::require_writable() {
  if (!catalog_->writable()) {
    return fail(ErrorCode::read_only,
                options_.folder.string() + ": cannot be written; make the medium writable again");
  }
  return {};
}

Result<StoreOnDisk::Room> StoreOnDisk::room_for(const std::map<std::string, std::uint64_t>& packs) {
  const Result<std::uint64_t> sealed = sealed_bytes(*catalog_);
  if (!sealed) return fail(sealed.error());
  Room room;
  room.used = *sealed + bytes_in(folders_.incoming);
  room.free = free_bytes(folders_.root);
  room.quarantined = bytes_in(folders_.quarantine);
  for (const auto& [name, expected] : packs) {
    std::error_code error;
    const std::uint64_t there = std::filesystem::file_size(folders_.incoming / name, error);
    const std::uint64_t wanted = with_overhead(expected);
    room.wanted += error ? wanted : wanted - std::min(wanted, there);
  }
  return room;
}

Result<std::uint64_t> StoreOnDisk::shortfall(const std::map<std::string, std::uint64_t>& packs) {
  const Result<Room> room = room_for(packs);
  if (!room) return fail(room.error());
  const auto missing = [](std::uint64_t wanted, std::uint64_t there) {
    return wanted - std::min(wanted, there);
  };
  return std::max(missing(room->used + room->wanted, options_.quota),
                  missing(room->wanted, room->free + room->quarantined));
}

Status StoreOnDisk::require_room(const std::string& name, std::uint64_t expected) {
  Result<Room> room = room_for({{name, expected}});
  if (!room) return fail(room.error());
  const auto over_quota = [&] {
    return room->used + room->quarantined + room->wanted > options_.quota;
  };
  if (room->quarantined > 0 && (over_quota() || room->wanted > room->free)) {
    folders_.empty_quarantine();
    room = room_for({{name, expected}});
    if (!room) return fail(room.error());
  }
  if (over_quota()) {
    return fail(ErrorCode::disk_full,
                fmt::format("{}: {} bytes more do not fit, {} of {} are used; raise [storage]"
                            " quota",
                            options_.folder.string(), room->wanted, room->used + room->quarantined,
                            options_.quota));
  }
  if (room->wanted <= room->free) return {};
  return fail(ErrorCode::disk_full,
              fmt::format("{}: {} bytes more do not fit, the file system has {} left; free some",
                          options_.folder.string(), room->wanted, room->free));
}

Result<PackWriter> StoreOnDisk::incoming(const std::string& name, std::uint64_t expected) {
  if (!formats::is_name(name) || !open_pack_of(name).empty()) {
    return fail(ErrorCode::invalid, fmt::format("'{}' cannot name a pack", name));
  }
  if (const Status writable = require_writable(); !writable) return fail(writable.error());
  const Status room = require_room(name, expected);
  if (!room) return fail(room.error());
  return PackWriter::open(folders_.incoming / name);
}

Result<std::string> StoreOnDisk::longest_unchecked(Duration interval) {
  std::string name;
  const Status done = catalog_->read([&](Database& database) -> Status {
    // abs(): a clock that was set back must not keep packs unchecked for years.
    auto row = database.prepare(
        "SELECT name FROM pack WHERE abs(?1 - checked) >= ?2 ORDER BY checked"
        " LIMIT 1",
        to_unix_ms(clock_.now()), static_cast<std::int64_t>(interval.count()));
    if (!row) return fail(row.error());
    const Result<bool> found = row->step();
    if (!found) return fail(found.error());
    if (*found) name = row->text(0);
    return {};
  });
  if (!done) return fail(done.error());
  return name;
}

Result<bool> StoreOnDisk::scrub_step(Duration interval) {
  const Result<std::string> pack = longest_unchecked(interval);
  if (!pack) return fail(pack.error());
  if (pack->empty()) return false;
  const Result<std::vector<StoredArtifact>> artifacts = releases_.artifacts_of(*pack);
  if (!artifacts) return fail(artifacts.error());
  for (const StoredArtifact& artifact : *artifacts) {
    const Status whole = verify(folders_.packs, artifact);
    if (whole) continue;
    if (whole.error().code != ErrorCode::corrupt && whole.error().code != ErrorCode::not_found) {
      return fail(whole.error());
    }
    const Status taken = releases_.quarantine(*pack, whole.error().message);
    if (!taken) return fail(taken.error());
    return true;
  }
  const Status noted = catalog_->write([&](Database& database) {
    return database.run("UPDATE pack SET checked = ?2 WHERE name = ?1", *pack,
                        to_unix_ms(clock_.now()));
  });
  if (!noted) return fail(noted.error());
  return true;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options, const Clock& clock) {
  const Status created = Folders(options.folder).create();
  // On a medium that cannot be written now, what is there is served.
  if (!created && created.error().code != ErrorCode::read_only) return fail(created.error());
  Result<std::unique_ptr<CatalogDatabase>> catalog = CatalogDatabase::open(options.folder);
  // Where no folder can be made, that is the reason, not that the file in it is missing.
  if (!catalog) return fail(created ? catalog.error() : created.error());
  auto store = std::make_unique<StoreOnDisk>(options, clock, std::move(*catalog));
  const Status swept = store->sweep_all();
  // A full or read-only disk must not keep the rest from being served; the next start sweeps again.
  if (!swept) log::warning("storage", "the store could not be tidied: {}", swept.error().message);
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace ferry::storage
