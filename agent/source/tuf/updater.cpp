#include "agent/source/tuf/updater.hpp"

#include <algorithm>

#include "agent/source/tuf/names.hpp"
#include "agent/source/tuf/search.hpp"

namespace ferry::tuf {
namespace {

// Of the link, or of this machine: nothing was said about the role.
bool may_pass(ErrorCode code) {
  return code == ErrorCode::unavailable || code == ErrorCode::timed_out ||
         code == ErrorCode::cancelled || code == ErrorCode::io || code == ErrorCode::disk_full ||
         code == ErrorCode::read_only;
}

}  // namespace

Status Updater::provision(Keeper& keeper, std::string_view root) {
  // Its expiry is of no concern: a newer one may be on the server.
  const Result<TrustedSet> good = TrustedSet::begin(root, Time::min());
  if (!good) return fail(good.error());
  return keeper.keep("root", good->root().version, root);
}

std::string Updater::kept(const std::string& role, std::uint64_t limit) const {
  Result<std::string> bytes = keeper_->kept(role, limit);
  return bytes ? std::move(*bytes) : std::string();
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
  failed_.clear();
  bytes_ = 0;
  expires_ = Time::max();
  roles_ = {"root", "timestamp", "snapshot"};
  const Result<std::string> root = keeper_->kept("root", repository_.limits.root);
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
    if (taken) taken = keeper_->keep("root", trusted_->root().version, *next);
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
  if (!*is_new) return {};
  return keeper_->keep("timestamp", trusted_->timestamp().version, *next);
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
  return taken ? keeper_->keep("snapshot", trusted_->snapshot().version, *next) : taken;
}

Status Updater::take_targets(std::string_view bytes, const Targets* delegator,
                             const std::string& role) {
  if (delegator == nullptr) return trusted_->update_targets(bytes);
  const Result<const Targets*> taken = trusted_->update_delegated(*delegator, role, bytes);
  return taken ? Status() : Status(fail(taken.error()));
}

Status Updater::count(std::uint64_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= repository_.limits.together) return {};
  return fail(ErrorCode::too_large, "all roles together have more than " +
                                        std::to_string(repository_.limits.together) + " bytes");
}

Status Updater::load_targets(const Targets* delegator, const std::string& role) {
  const auto before = failed_.find({delegator, role});
  if (before != failed_.end()) return fail(before->second);
  Status brought = bring_targets(delegator, role);
  if (!brought && !may_pass(brought.error().code)) {
    failed_.emplace(std::pair(delegator, role), brought.error());
  }
  if (!brought) return brought;
  const Targets* targets =
      delegator == nullptr ? trusted_->targets() : trusted_->delegated(*delegator, role);
  expires_ = std::min(expires_, targets->expires);
  roles_.insert(role);
  return {};
}

Status Updater::bring_targets(const Targets* delegator, const std::string& role) {
  const MetaFile* meta = trusted_->announced(role);
  if (meta == nullptr) {
    return fail(ErrorCode::denied, role.substr(0, 128) + ": the snapshot does not name it");
  }
  // Beyond the bound nothing more is fetched, let alone refused once it is here.
  if (Status fits = count(0); !fits) return fits;
  const std::uint64_t limit =
      std::min(meta->length.value_or(repository_.limits.targets), repository_.limits.targets);
  // What was kept is believed on the same terms as what is fetched: by who delegates now.
  const std::string here = kept(role, limit);
  if (take_targets(here, delegator, role)) return count(here.size());
  const Result<std::string> next = fetch_metadata(role, version_in_url(*meta), limit);
  if (!next && next.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::denied,
                next.error().message + ", though the snapshot names it: it is withheld, or lost");
  }
  // As much came over the link before it was given up.
  if (!next && next.error().code == ErrorCode::too_large) bytes_ += limit;
  if (!next) return fail(next.error());
  if (Status fits = count(next->size()); !fits) return fits;
  const Status taken = take_targets(*next, delegator, role);
  return taken ? keeper_->keep(role, meta->version, *next) : taken;
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

std::vector<std::string> Updater::children_of(const Targets& targets) const {
  std::vector<std::string> names;
  if (!targets.delegations) return names;
  for (const DelegatedRole& role : targets.delegations->roles) names.push_back(role.name);
  if (!targets.delegations->succinct) return names;
  for (const auto& [file, meta] : trusted_->snapshot().meta) {
    const std::string role = file.substr(0, file.size() - std::min<std::size_t>(file.size(), 5));
    if (is_succinct_role(*targets.delegations->succinct, role)) names.push_back(role);
  }
  return names;
}

Result<std::set<std::string>> Updater::list(const Refused& refused) {
  if (!trusted_ || trusted_->targets() == nullptr) {
    return fail(ErrorCode::denied, "nothing is listed before a refresh");
  }
  std::set<std::string> paths;
  std::set<std::string> seen;
  std::size_t looked = 0;  // refused ones as well: each costs a request
  std::vector<const Targets*> waiting{trusted_->targets()};
  while (!waiting.empty()) {
    const Targets* targets = waiting.back();
    waiting.pop_back();
    for (const auto& [path, file] : targets->targets) paths.insert(path);
    for (const std::string& role : children_of(*targets)) {
      // A role says the same whoever lets it speak, so once is enough; and so cycles end.
      if (seen.contains(role)) continue;
      if (++looked > most_roles) {
        return fail(ErrorCode::too_large,
                    "more than " + std::to_string(most_roles) + " delegated roles");
      }
      const Status loaded = load_targets(targets, role);
      if (!loaded) {
        if (may_pass(loaded.error().code) || bytes_ > repository_.limits.together)
          return fail(loaded.error());
        refused(role, loaded.error());
        continue;
      }
      seen.insert(role);
      waiting.push_back(trusted_->delegated(*targets, role));
    }
  }
  return paths;
}

}  // namespace ferry::tuf
