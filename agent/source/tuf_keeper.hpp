// Keeps a TUF repository's metadata in the store.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/source/tuf/keeper.hpp"
#include "agent/source/tuf/updater.hpp"
#include "agent/source/tuf_releases.hpp"
#include "storage/store.hpp"

namespace ferry::source {

// A root is stored at once, so that keys which were given up never come back. All else of a refresh
// is stored by commit() in one transaction: a kill before it leaves what the refresh before left.
// On the source's thread.
class StoreKeeper final : public tuf::Keeper {
 public:
  StoreKeeper(storage::TrustStore& store, std::string source)
      : store_(store), source_(std::move(source)) {}

  // Makes `root`, as provisioned, the one that is trusted, unless it has been that already: then
  // the newest that it led to stays. Without an error, and stored, only when it is a root.
  Status provision(const std::string& root);
  Result<std::string> kept(const std::string& role, std::uint64_t limit) override;
  Status keep(const std::string& role, std::uint64_t version, std::string_view bytes) override;
  // With `only`, what was kept of other roles goes.
  Status commit(const std::optional<std::set<std::string>>& only);
  // commit() of all roles that are trusted, when every one of them has been taken in; in the same
  // transaction they become what others can pull from here, and `targets` what they can download.
  // The metadata that was to be had before stays until the next time, for those who are reading it.
  Status commit_mirrored(const tuf::Updater& updater, const TufTargets& targets);
  // The same for a source of which nothing is to be had from here, or no longer.
  Status commit_unmirrored(const tuf::Updater& updater);
  // Hands a new timestamp on whose snapshot is handed on already; false when it is not.
  Result<bool> renew_mirror(const tuf::Updater& updater);

 private:
  // What will be kept of a role after the next commit.
  Result<storage::TrustedDocument> newest(const std::string& role);

  storage::TrustStore& store_;
  const std::string source_;
  std::vector<storage::TrustedDocument> waiting_;
};

}  // namespace ferry::source
