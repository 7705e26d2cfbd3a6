#include "agent/source/tuf_keeper.hpp"

#include "agent/source/tuf/updater.hpp"
#include "base/log.hpp"

namespace ferry::source {

Status StoreKeeper::provision(const std::string& root) {
  // Names of sources have no space, so no other source's documents are meant.
  const std::string provisioned = source_ + " provisioned";
  const auto before = store_.find(provisioned, "root");
  if (!before) return fail(before.error());
  if (*before && (*before)->content == root) return {};
  if (Status good = tuf::Updater::provision(*this, root); !good) return good;
  if (*before) log::info("source " + source_, "trusts another root file from now on");
  return store_.put(provisioned, {{"root", 1, root}}, std::nullopt);
}

Result<std::string> StoreKeeper::kept(const std::string& role, std::uint64_t limit) {
  Result<std::optional<storage::TrustedDocument>> found = store_.find(source_, role);
  if (!found) return fail(found.error());
  if (!*found || (*found)->content.size() > limit) return std::string();
  return std::move((*found)->content);
}

Status StoreKeeper::keep(const std::string& role, std::uint64_t version, std::string_view bytes) {
  storage::TrustedDocument document{role, version, std::string(bytes)};
  if (role == "root") return store_.put(source_, {std::move(document)}, std::nullopt);
  waiting_.push_back(std::move(document));
  return {};
}

Status StoreKeeper::commit(const std::optional<std::set<std::string>>& only) {
  if (waiting_.empty() && !only) return {};
  Status stored = store_.put(source_, waiting_, only);
  waiting_.clear();
  return stored;
}

}  // namespace ferry::source
