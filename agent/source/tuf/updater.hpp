// A client of a TUF repository: the workflow of the specification over whatever fetches and keeps.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "agent/source/tuf/fetcher.hpp"
#include "agent/source/tuf/keeper.hpp"
#include "agent/source/tuf/trusted_set.hpp"

namespace ferry::tuf {

struct Repository {
  std::string metadata_url;  // ends in '/'
  Limits limits;
  unsigned root_rotations = 256;  // new roots that one refresh follows
};

// Where an artifact lies: with consistent snapshots its `hash` stands before the last part of the
// path (section 5.7), else `hash` is "".
std::string artifact_url(const std::string& base_url, const std::string& path,
                         const std::string& hash);

// Not thread-safe. `fetcher` and `keeper` must outlive it.
class Updater {
 public:
  // list() looks at so many delegated roles: with the bytes that they may have together, no
  // repository can make a walk endless.
  static constexpr std::size_t most_roles = 1024;

  // Makes `root` the one that is trusted. An error, and nothing kept, unless it is signed by
  // itself.
  static Status provision(Keeper& keeper, std::string_view root);

  Updater(Repository repository, Fetcher& fetcher, Keeper& keeper)
      : repository_(std::move(repository)), fetcher_(&fetcher), keeper_(&keeper) {}

  // The workflow of the specification from section 5.2 to 5.6, with `now` as its time. What was
  // found right before an error is kept.
  Status refresh(Time now);

  // After a refresh. ErrorCode::not_found when no role names the artifact; other errors when a role
  // that might have named it cannot be had or believed. The pointer lives until the next refresh.
  Result<const TargetFile*> find(const std::string& path);

  // Every path that a role names, after a refresh; which role speaks for it is find()'s to say. A
  // role that is not to be believed is told to `refused` and left out; an error is of the link or
  // of the bounds.
  using Refused = std::function<void(const std::string& role, const Error& why)>;
  Result<std::set<std::string>> list(const Refused& refused);

  // Of what refresh(), find() and list() took in: after that moment the same is believed no more.
  Time expires() const { return expires_; }
  // After a refresh.
  const TrustedSet& trusted() const { return *trusted_; }
  // The names of all roles that are trusted now.
  const std::set<std::string>& roles() const { return roles_; }

  // Fetches the artifact into `file`, unless it is there already. Whatever goes wrong, `file` is
  // what it was.
  Status download(const std::string& path, const TargetFile& target, const std::string& base_url,
                  const std::filesystem::path& file);

 private:
  Status follow_roots();
  Status refresh_timestamp();
  Status refresh_snapshot();
  // Takes `role` in, as it is kept or else from the repository. No delegator: top-level targets.
  Status load_targets(const Targets* delegator, const std::string& role);
  Status bring_targets(const Targets* delegator, const std::string& role);
  Status take_targets(std::string_view bytes, const Targets* delegator, const std::string& role);
  // Adds to what all roles have; an error when it is too much.
  Status count(std::uint64_t bytes);
  // What may be below `targets`, for list().
  std::vector<std::string> children_of(const Targets& targets) const;

  // What is kept of `role`, or "" when there is nothing that can be read.
  std::string kept(const std::string& role, std::uint64_t limit) const;
  // `version` is named in the URL if not 0.
  Result<std::string> fetch_metadata(const std::string& role, std::uint64_t version,
                                     std::uint64_t limit);
  std::uint64_t version_in_url(const MetaFile& meta) const;

  Repository repository_;
  Fetcher* fetcher_;
  Keeper* keeper_;
  std::optional<TrustedSet> trusted_;
  std::uint64_t bytes_ = 0;
  Time expires_ = Time::max();
  std::set<std::string> roles_;
  // Asked for once: a role that is not to be had would be fetched for each path anew.
  std::map<std::pair<const Targets*, std::string>, Error> failed_;
};

}  // namespace ferry::tuf
