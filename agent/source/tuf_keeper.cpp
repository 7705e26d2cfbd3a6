#include "agent/source/tuf_keeper.hpp"

#include "agent/source/tuf_mirror.hpp"
#include "base/log.hpp"

namespace ferry::source {

Status StoreKeeper::provision(const std::string& root) {
  // Names of sources have no space, so no other source's documents are meant.
  const std::string provisioned = source_ + " provisioned";
  const auto before = store_.find(provisioned, "root");
  if (!before) return fail(before.error());
  const auto good = tuf::TrustedSet::begin(root, Time::min());
  if (!good) return fail(good.error());
  const std::uint64_t version = good->root().version;
  storage::TrustChange chain{roots_of(source_), {{root_file(version), version, root}}, {}};
  if (*before && (*before)->content == root) {
    const auto kept = store_.find(chain.source, root_file(version));
    if (!kept) return fail(kept.error());
    // Else an earlier version of Ferry was here, which kept no chain.
    return kept->has_value() ? Status() : store_.put({chain});
  }
  if (*before) log::info("source " + source_, "trusts another root file from now on");
  chain.only = {root_file(version)};
  return store_.put({{source_, {{"root", version, root}}, {}},
                     chain,
                     {mirror_of(source_), {}, std::set<std::string>()},
                     {provisioned, {{"root", 1, root}}, {}}});
}

Result<std::string> StoreKeeper::kept(const std::string& role, std::uint64_t limit) {
  Result<std::optional<storage::TrustedDocument>> found = store_.find(source_, role);
  if (!found) return fail(found.error());
  if (!*found || (*found)->content.size() > limit) return std::string();
  return std::move((*found)->content);
}

Status StoreKeeper::keep(const std::string& role, std::uint64_t version, std::string_view bytes) {
  storage::TrustedDocument document{role, version, std::string(bytes)};
  if (role == "root") {
    return store_.put({{source_, {std::move(document)}, {}}, root_change(source_, version, bytes)});
  }
  waiting_.push_back(std::move(document));
  return {};
}

Status StoreKeeper::commit(const std::optional<std::set<std::string>>& only) {
  if (waiting_.empty() && !only) return {};
  Status stored = store_.put({{source_, waiting_, only}});
  waiting_.clear();
  return stored;
}

Status StoreKeeper::commit_mirrored(const tuf::Updater& updater, const TufTargets& targets) {
  const bool consistent = updater.trusted().root().consistent_snapshot;
  const std::uint64_t snapshot = updater.trusted().snapshot().version;
  storage::TrustChange mirror{mirror_of(source_), {}, std::set<std::string>()};
  for (const std::string& role : updater.roles()) {
    if (role == "root") continue;
    auto document = newest(role);
    if (!document) return fail(document.error());
    const bool numbered = consistent && role != "timestamp";
    document->name = (numbered ? std::to_string(document->version) + "." : "") + role + ".json";
    mirror.documents.push_back(std::move(*document));
  }
  const auto before = store_.find(mirror.source, std::string(names_document));
  if (!before) return fail(before.error());
  if (*before) {
    for (std::string& name : names_in((*before)->content)) mirror.only->insert(std::move(name));
  }
  const std::string names = names_of(mirror.documents);
  mirror.documents.push_back({std::string(names_document), snapshot, names});
  mirror.documents.push_back({std::string(index_document), snapshot, index_of(targets)});
  for (const auto& document : mirror.documents) mirror.only->insert(document.name);
  Status stored = store_.put({{source_, waiting_, updater.roles()}, mirror});
  waiting_.clear();
  return stored;
}

Status StoreKeeper::commit_unmirrored(const tuf::Updater& updater) {
  Status stored = store_.put(
      {{source_, waiting_, updater.roles()}, {mirror_of(source_), {}, std::set<std::string>()}});
  waiting_.clear();
  return stored;
}

Result<bool> StoreKeeper::renew_mirror(const tuf::Updater& updater) {
  const auto names = store_.find(mirror_of(source_), std::string(names_document));
  if (!names) return fail(names.error());
  if (!*names || (*names)->version != updater.trusted().snapshot().version) return false;
  auto timestamp = newest("timestamp");
  if (!timestamp) return fail(timestamp.error());
  timestamp->name += ".json";
  const auto kept = store_.find(mirror_of(source_), timestamp->name);
  if (!kept) return fail(kept.error());
  if (*kept && (*kept)->version == timestamp->version) return true;
  const Status stored = store_.put({{mirror_of(source_), {std::move(*timestamp)}, {}}});
  return stored ? Result<bool>(true) : fail(stored.error());
}

Result<storage::TrustedDocument> StoreKeeper::newest(const std::string& role) {
  for (const storage::TrustedDocument& document : waiting_) {
    if (document.name == role) return document;
  }
  auto found = store_.find(source_, role);
  if (!found) return fail(found.error());
  if (!*found) return fail(ErrorCode::not_found, "no metadata of role " + role + " is kept");
  return std::move(**found);
}

}  // namespace ferry::source
