// A client of a TUF repository that keeps its trusted metadata in a folder: root.json,
// timestamp.json, snapshot.json, targets.json and one file for each delegated role, each byte for
// byte as it was fetched, each written whole or not at all, and only after it was found right. So a
// kill at any point leaves what an earlier moment could have left.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "agent/source/tuf/fetcher.hpp"
#include "agent/source/tuf/trusted_set.hpp"

namespace ferry::tuf {

struct Repository {
  std::filesystem::path folder;  // of the trusted metadata; must exist
  std::string metadata_url;      // ends in '/'
  Limits limits;
  unsigned root_rotations = 256;  // new roots that one refresh follows
};

// Not thread-safe. `fetcher` must outlive it.
class Updater {
 public:
  // Makes `root` the one that is trusted. An error, and nothing written, unless it is signed by
  // itself.
  static Status provision(const std::filesystem::path& folder, std::string_view root);

  Updater(Repository repository, Fetcher& fetcher)
      : repository_(std::move(repository)), fetcher_(&fetcher) {}

  // The workflow of the specification from section 5.2 to 5.6, with `now` as its time. What was
  // found right before an error is kept.
  Status refresh(Time now);

  // After a refresh. ErrorCode::not_found when no role names the artifact; other errors when a role
  // that might have named it cannot be had or believed. The pointer lives until the next refresh.
  Result<const TargetFile*> find(const std::string& path);

  // Fetches the artifact into `file`, unless it is there already. Whatever goes wrong, `file` is
  // what it was.
  Status download(const std::string& path, const TargetFile& target, const std::string& base_url,
                  const std::filesystem::path& file);

 private:
  Status follow_roots();
  Status refresh_timestamp();
  Status refresh_snapshot();
  // Takes `role` in, from its file or else from the repository. No delegator: top-level targets.
  Status load_targets(const Targets* delegator, const std::string& role);
  Status take_targets(std::string_view bytes, const Targets* delegator, const std::string& role);

  // The file of `role`, or "" when there is none that can be read.
  std::string kept(const std::string& role, std::uint64_t limit) const;
  Status keep(const std::string& role, std::string_view bytes) const;
  // `version` is named in the URL if not 0.
  Result<std::string> fetch_metadata(const std::string& role, std::uint64_t version,
                                     std::uint64_t limit);
  std::uint64_t version_in_url(const MetaFile& meta) const;
  std::string artifact_url(const std::string& base_url, const std::string& path,
                           const std::string& hash) const;

  Repository repository_;
  Fetcher* fetcher_;
  std::optional<TrustedSet> trusted_;
};

}  // namespace ferry::tuf
