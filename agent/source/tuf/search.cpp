#include "agent/source/tuf/search.hpp"

#include <iterator>

#include "agent/source/tuf/names.hpp"

namespace ferry::tuf {

Search::Search(std::string path, const Targets& targets) : path_(std::move(path)) {
  visit(targets);
}

std::optional<Search::Step> Search::next() {
  while (found_ == nullptr && !waiting_.empty()) {
    Step step = std::move(waiting_.back());
    waiting_.pop_back();
    // A role that was looked at has nothing new to say: so cycles end.
    if (visited_.contains(step.role)) continue;
    if (visited_.size() >= most_roles) {
      gave_up_ = true;
      waiting_.clear();
      break;
    }
    visited_.insert(step.role);
    return step;
  }
  return std::nullopt;
}

void Search::visit(const Targets& targets) {
  const auto found = targets.targets.find(path_);
  if (found != targets.targets.end()) {
    found_ = &found->second;
    return;
  }
  if (!targets.delegations) return;
  std::vector<Step> children;
  const auto add = [&](std::string role) {
    Step step;
    step.role = std::move(role);
    step.delegator = &targets;
    children.push_back(std::move(step));
  };
  for (const DelegatedRole& role : targets.delegations->roles) {
    if (!role.hash_prefixes.empty() && hash_.empty()) hash_ = Sha256::of(as_bytes(path_)).hex();
    if (!covers(role, path_, hash_)) continue;
    add(role.name);
    if (!role.terminating) continue;
    // Nobody else is asked: neither those after it here nor those still waiting above.
    waiting_.clear();
    break;
  }
  if (targets.delegations->succinct) {
    waiting_.clear();  // succinct roles are terminating
    add(succinct_role_for(*targets.delegations->succinct, path_));
  }
  waiting_.insert(waiting_.end(), std::make_move_iterator(children.rbegin()),
                  std::make_move_iterator(children.rend()));
}

}  // namespace ferry::tuf
