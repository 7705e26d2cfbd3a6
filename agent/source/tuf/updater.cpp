#include "agent/source/tuf/updater.hpp"

#include <algorithm>

#include "agent/source/tuf/names.hpp"
#include "agent/source/tuf/search.hpp"
#include "base/file.hpp"

namespace ferry::tuf {
namespace {

std::filesystem::path file_of(const std::filesystem::path& folder, const std::string& role) {
  return folder / (safe_file_name(role) + ".json");
}

}  // namespace

Status Updater::provision(const std::filesystem::path& folder, std::string_view root) {
  // Its expiry is of no concern: a newer one may be on the server.
  const Result<TrustedSet> good = TrustedSet::begin(root, Time::min());
  if (!good) return fail(good.error());
  return write_file_atomically(file_of(folder, "root"), as_bytes(root));
}

std::string Updater::kept(const std::string& role, std::uint64_t limit) const {
  Result<std::string> bytes = read_file(file_of(repository_.folder, role), limit);
  return bytes ? std::move(*bytes) : std::string();
}

Status Updater::keep(const std::string& role, std::string_view bytes) const {
  return write_file_atomically(file_of(repository_.folder, role), as_bytes(bytes));
}

Result<std::string> Updater::fetch_metadata(const std::string& role, std::uint64_t version,
                                            std::uint64_t limit) {
  const std::string prefix = version == 0 ? "" : std::to_string(version) + ".";
  const std::string url = repository_.metadata_url + prefix + percent_encoded(role) + ".json";
  std::string bytes;
  const Status fetched = fetcher_->fetch(url, limit, [&](Bytes content) -> Status {
    bytes += as_text(content);
    return {};
  });
  if (!fetched) return fail(fetched.error(), role.substr(0, 128));
  return bytes;
}

std::uint64_t Updater::version_in_url(const MetaFile& meta) const {
  return trusted_->root().consistent_snapshot ? meta.version : 0;
}

Status Updater::refresh(Time now) {
  trusted_.reset();
  const Result<std::string> root =
      read_file(file_of(repository_.folder, "root"), repository_.limits.root);
  if (!root) return fail(root.error(), "the trusted root");
  Result<TrustedSet> trusted = TrustedSet::begin(*root, now, repository_.limits);
  if (!trusted) return fail(trusted.error());
  trusted_ = std::move(*trusted);
  Status done = follow_roots();
  if (done) done = refresh_timestamp();
  if (done) done = refresh_snapshot();
  if (done) done = load_targets(nullptr, "targets");
  return done;
}

Status Updater::follow_roots() {
  for (unsigned i = 0; i < repository_.root_rotations; ++i) {
    const Result<std::string> next =
        fetch_metadata("root", trusted_->root().version + 1, repository_.limits.root);
    if (!next && next.error().code == ErrorCode::not_found) return {};
    if (!next) return fail(next.error());
    Status taken = trusted_->update_root(*next);
    if (taken) taken = keep("root", *next);
    if (!taken) return taken;
  }
  return {};
}

Status Updater::refresh_timestamp() {
  trusted_->remember(kept("timestamp", repository_.limits.timestamp),
                     kept("snapshot", repository_.limits.snapshot));
  const Result<std::string> next = fetch_metadata("timestamp", 0, repository_.limits.timestamp);
  if (!next) return fail(next.error());
  const Result<bool> is_new = trusted_->update_timestamp(*next);
  if (!is_new) return fail(is_new.error());
  return *is_new ? keep("timestamp", *next) : Status();
}

Status Updater::refresh_snapshot() {
  const Result<bool> holds = trusted_->kept_snapshot_holds();
  if (!holds) return fail(holds.error());
  if (*holds) return {};
  const MetaFile& meta = trusted_->timestamp().snapshot;
  const std::uint64_t limit =
      std::min(meta.length.value_or(repository_.limits.snapshot), repository_.limits.snapshot);
  const Result<std::string> next = fetch_metadata("snapshot", version_in_url(meta), limit);
  if (!next) return fail(next.error());
  const Status taken = trusted_->update_snapshot(*next);
  return taken ? keep("snapshot", *next) : taken;
}

Status Updater::take_targets(std::string_view bytes, const Targets* delegator,
                             const std::string& role) {
  if (delegator == nullptr) return trusted_->update_targets(bytes);
  const Result<const Targets*> taken = trusted_->update_delegated(*delegator, role, bytes);
  return taken ? Status() : Status(fail(taken.error()));
}

Status Updater::load_targets(const Targets* delegator, const std::string& role) {
  const MetaFile* meta = trusted_->announced(role);
  if (meta == nullptr) {
    return fail(ErrorCode::denied, role.substr(0, 128) + ": the snapshot does not name it");
  }
  const std::uint64_t limit =
      std::min(meta->length.value_or(repository_.limits.targets), repository_.limits.targets);
  // What was kept is believed on the same terms as what is fetched: by who delegates now.
  if (take_targets(kept(role, limit), delegator, role)) return {};
  const Result<std::string> next = fetch_metadata(role, version_in_url(*meta), limit);
  if (!next) return fail(next.error());
  const Status taken = take_targets(*next, delegator, role);
  return taken ? keep(role, *next) : taken;
}

Result<const TargetFile*> Updater::find(const std::string& path) {
  if (!trusted_ || trusted_->targets() == nullptr) {
    return fail(ErrorCode::denied, "nothing is found before a refresh");
  }
  Search search(path, *trusted_->targets());
  while (const std::optional<Search::Step> step = search.next()) {
    const Targets* targets = trusted_->delegated(*step->delegator, step->role);
    if (targets == nullptr) {
      const Status loaded = load_targets(step->delegator, step->role);
      if (!loaded) return fail(loaded.error());
      targets = trusted_->delegated(*step->delegator, step->role);
    }
    search.visit(*targets);
  }
  if (search.found() != nullptr) return search.found();
  const std::string shown = path.substr(0, 256);
  return fail(ErrorCode::not_found, search.gave_up()
                                        ? shown + ": not named by the first " +
                                              std::to_string(Search::most_roles) + " roles"
                                        : shown + ": no role names it");
}

}  // namespace ferry::tuf
