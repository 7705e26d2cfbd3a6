#include "agent/source/directory_source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "agent/source/ingest.hpp"
#include "base/log.hpp"

namespace ferry::source {
namespace {

// How often one sync() looks again at what has not settled; the next one goes on.
constexpr int rounds = 4;
// Between something happening and looking, so that a busy folder does not keep us busy.
constexpr Duration calm = std::chrono::milliseconds(200);

// What is different, in words; "" when names, roles and sizes are the same. Hashes are not looked
// at.
std::string difference(const formats::Release& here, const formats::Release& admitted) {
  std::map<std::string_view, const formats::ReleaseArtifact*> left;
  for (const auto& artifact : admitted.artifacts) left.emplace(artifact.name, &artifact);
  for (const auto& artifact : here.artifacts) {
    const auto known = left.find(artifact.name);
    if (known == left.end()) return artifact.name + " is new";
    if (artifact.role != known->second->role || artifact.size != known->second->size) {
      return artifact.name + " differs";
    }
    left.erase(known);
  }
  return left.empty() ? "" : std::string(left.begin()->first) + " is gone";
}

bool is_wrong_content(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::invalid || code == ErrorCode::exists;
}

bool newer_than(const LayoutRelease& release, Time time) {
  const std::int64_t limit = to_unix_ms(time) * 1'000'000;
  return std::any_of(release.files.begin(), release.files.end(), [&](const LayoutFile& file) {
    return file.stamp.modified > limit || file.stamp.changed > limit;
  });
}

}  // namespace

DirectorySource::DirectorySource(const config::SourceSettings& settings, const Context& context,
                                 Duration settle)
    : settings_(settings),
      context_(context),
      settle_(settle),
      ledger_(context_, settings.name),
      watch_(settings.path) {}

Result<Report> DirectorySource::sync(std::stop_token stop) {
  if (const Status begun = ledger_.attempt_begins(); !begun) return fail(begun.error());
  return ledger_.attempt_ends(attempt(stop));
}

bool DirectorySource::wait(std::stop_token stop, Duration longest) {
  if (!watch_.wait(stop, longest)) return false;
  pause(stop, std::min(calm, settle_));
  return true;
}

void DirectorySource::pause(const std::stop_token& stop, Duration duration) {
  std::unique_lock lock(pause_mutex_);
  paused_.wait_for(lock, stop, duration, [] { return false; });
}

Result<Report> DirectorySource::attempt(const std::stop_token& stop) {
  Round round;
  for (int i = 0; i < rounds; ++i) {
    if (i > 0) pause(stop, settle_);
    round.unsettled = false;
    round.first = {};
    const std::uint64_t before = ledger_.progress().bytes_fetched;
    const Status done = run_round(round, stop);
    round.report.bytes_fetched += ledger_.progress().bytes_fetched - before;
    if (!done) return fail(done.error());
    if (!round.unsettled) break;
  }
  if (!round.first) return fail(round.first.error());
  round.report.unchanged = round.report.releases_admitted == 0;
  return round.report;
}

Status DirectorySource::run_round(Round& round, const std::stop_token& stop) {
  watch_.begin();
  const Result<LayoutFolder> folder = LayoutFolder::open(settings_.path);
  const bool absent = !folder && folder.error().code == ErrorCode::not_found;
  set_present(!absent);
  if (absent) return {};
  if (!folder) return fail(folder.error());
  const Result<Layout> layout = folder->scan([this](const std::string& path) { watch_.add(path); });
  if (!layout) return fail(layout.error());
  tell_skipped(layout->skipped);
  const Result<Held> here = held();
  if (!here) return fail(here.error());
  const auto room = context_.room.look();
  if (!room) return fail(room.error());
  for (const LayoutRelease& release : layout->releases) {
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
    Status done = visit(*folder, release, *here, **room, round, stop);
    if (!done && done.error().code == ErrorCode::cancelled) return done;
    if (!done && round.first) round.first = fail(done.error(), release.version);
  }
  return {};
}

void DirectorySource::set_present(bool present) {
  if (present == present_) return;
  present_ = present;
  if (!present) seen_.clear();
  log::info("source " + settings_.name, "{} is {}", settings_.path.string(),
            present ? "there again" : "not there; what was taken from it stays");
}

void DirectorySource::tell_skipped(const std::vector<Skipped>& skipped) {
  std::set<std::string> now;
  for (const Skipped& entry : skipped) {
    const std::string text = entry.path + " " + entry.why;
    now.insert(text);
    if (told_.contains(text)) continue;
    if (entry.version) {
      ledger_.rejected(settings_.product + " " + entry.path, entry.why);
    } else {
      log::info("source " + settings_.name, "skipped {}", text);
    }
  }
  told_ = std::move(now);
}

Result<DirectorySource::Held> DirectorySource::held() const {
  Result<std::vector<storage::HeldRelease>> all = context_.store.releases().all();
  if (!all) return fail(all.error());
  Held held;
  for (storage::HeldRelease& release : *all) {
    if (release.release.product != settings_.product ||
        release.release.channel != settings_.channel) {
      continue;
    }
    const std::string version = release.release.version;
    held.emplace(version, std::move(release));
  }
  return held;
}

Status DirectorySource::visit(const LayoutFolder& folder, const LayoutRelease& release,
                              const Held& held, const Room& room, Round& round,
                              const std::stop_token& stop) {
  const Sha256 fingerprint = release.fingerprint();
  const auto now = context_.clock.steady();
  const auto [entry, first] =
      seen_.try_emplace(release.version, Seen{fingerprint, now, false, false, {}});
  Seen& seen = entry->second;
  if (seen.fingerprint != fingerprint) seen = Seen{fingerprint, now, false, true, {}};

  const auto known = held.find(release.version);
  const bool whole = known != held.end() && known->second.complete;
  if (whole && seen.compared) return {};
  if (!whole && room.leaves_out(release.release(settings_.product, settings_.channel))) return {};
  if (now - seen.since < settle_) {
    round.unsettled = true;
    return {};
  }
  Status done;
  if (whole) {
    done = compare(folder, release, known->second, seen.touched, stop);
  } else {
    if (!seen.refused) return seen.refused;
    const Result<bool> taken = take(folder, release, stop);
    if (!taken && is_wrong_content(taken.error().code)) {
      ledger_.rejected(settings_.product + " " + release.version, taken.error().message);
      seen.refused = fail(taken.error());
    }
    if (taken) round.report.releases_admitted += *taken ? 1 : 0;
    if (!taken) done = fail(taken.error());
  }
  if (done) {
    seen.compared = true;
    return {};
  }
  if (done.error().code != ErrorCode::changed) return done;
  seen.since = now;
  round.unsettled = true;
  return {};
}

Result<bool> DirectorySource::take(const LayoutFolder& folder, const LayoutRelease& layout,
                                   const std::stop_token& stop) {
  formats::Release release = layout.release(settings_.product, settings_.channel);
  std::map<std::string_view, const LayoutFile*> files;
  for (std::size_t i = 0; i < layout.files.size(); ++i) {
    const Result<Sha256> digest = folder.digest(layout.files[i], stop);
    if (!digest) return fail(digest.error());
    release.artifacts[i].sha256 = *digest;
    files.emplace(layout.files[i].artifact.name, &layout.files[i]);
  }
  Ingest ingest(context_, ledger_, Grounds{"local"});
  return ingest.run(release, stop, [&](storage::PackWriter& pack, Ingest::Next next) -> Status {
    const formats::ReleaseArtifact& artifact = *next.front();
    const Result<storage::PartialArtifact> have = pack.begin(artifact.sha256, artifact.size);
    if (!have) return fail(have.error());
    if (have->offset == artifact.size) return pack.finish();
    ledger_.artifact_begins(release, artifact, have->offset);
    const LayoutFile& file = *files.at(artifact.name);
    Status read = folder.read(file, have->offset, stop, [&](Bytes piece) {
      ledger_.received(piece.size());
      return pack.append(piece);
    });
    if (!read) return read;
    Status done = pack.finish();
    if (done || done.error().code != ErrorCode::corrupt) return done;
    return fail(ErrorCode::changed, file.path + ": changed between two readings");
  });
}

Status DirectorySource::compare(const LayoutFolder& folder, const LayoutRelease& release,
                                const storage::HeldRelease& held, bool touched,
                                const std::stop_token& stop) {
  const formats::Release here = release.release(settings_.product, settings_.channel);
  std::string different = difference(here, held.release);
  // Reading a whole stick at each start would take minutes: only what was touched is read.
  if (different.empty() && (touched || newer_than(release, held.admitted))) {
    std::map<std::string_view, Sha256> admitted;
    for (const auto& artifact : held.release.artifacts) {
      admitted.emplace(artifact.name, artifact.sha256);
    }
    for (const LayoutFile& file : release.files) {
      const Result<Sha256> digest = folder.digest(file, stop);
      if (!digest) return fail(digest.error());
      if (*digest == admitted.at(file.artifact.name)) continue;
      different = file.artifact.name + " differs";
      break;
    }
  }
  if (different.empty()) return {};
  ledger_.rejected(
      settings_.product + " " + release.version,
      fmt::format("{}, but versions are immutable once they were taken: put the change "
                  "into a new version",
                  different));
  return {};
}

}  // namespace ferry::source
