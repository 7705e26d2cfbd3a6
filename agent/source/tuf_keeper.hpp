// Keeps a TUF repository's metadata in the store.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/source/tuf/keeper.hpp"
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

 private:
  storage::TrustStore& store_;
  const std::string source_;
  std::vector<storage::TrustedDocument> waiting_;
};

}  // namespace ferry::source
