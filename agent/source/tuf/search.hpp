// The search for an artifact among targets and the roles they delegate to: depth first, parents
// before children, in the order of priority (specification 1.0, section 5.6.7). Says which role to
// look at next; whoever asks brings it. Pure; one thread at a time.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "agent/source/tuf/metadata.hpp"

namespace ferry::tuf {

class Search {
 public:
  // Delegated roles that are looked at for one artifact, so that no repository can make a search
  // endless.
  static constexpr std::size_t most_roles = 32;

  struct Step {
    std::string role;
    const Targets* delegator = nullptr;
  };

  // `targets` and all that visit() is given must outlive the search.
  Search(std::string path, const Targets& targets);

  // The role to bring next; nothing when the search is over.
  std::optional<Step> next();
  // What step() asked for.
  void visit(const Targets& targets);

  // The artifact, once a role has named it; it ends the search.
  const TargetFile* found() const { return found_; }
  // True when the search ended because of most_roles.
  bool gave_up() const { return gave_up_; }

 private:
  std::string path_;
  std::string hash_;  // of path_, in hex, once it was asked for
  const TargetFile* found_ = nullptr;
  bool gave_up_ = false;
  std::set<std::string> visited_;
  std::vector<Step> waiting_;  // the next one is the last
};

}  // namespace ferry::tuf
