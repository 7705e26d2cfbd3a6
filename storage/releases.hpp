// Releases and artifacts in catalog.db, together with the files they stand for. Internal to
// storage/.
#pragma once

#include "storage/catalog_database.hpp"
#include "storage/folders.hpp"
#include "storage/store.hpp"

namespace ferry::storage {

class CatalogReleases final : public ReleaseStore {
 public:
  CatalogReleases(CatalogDatabase& catalog, const Folders& folders, const Clock& clock,
                  std::uint64_t outbox_limit)
      : catalog_(catalog), folders_(folders), clock_(clock), outbox_limit_(outbox_limit) {}

  Status admit(const HeldRelease& release, const std::vector<StoredArtifact>& sealed,
               const std::vector<Event>& events) override;
  void discard(const std::vector<StoredArtifact>& sealed) override { undo_seal(sealed, false); }
  Result<std::vector<HeldRelease>> all() override;
  Result<std::vector<StoredArtifact>> artifacts() override;
  Result<std::optional<StoredArtifact>> find(const Sha256& sha256) override;
  Result<std::string> digest(const Sha256& sha256, const std::string& kind) override;
  Status quarantine(const std::string& pack, const std::string& why) override;
  Status evict(const formats::Release& release, const std::string& why) override;
  Status leave_out(const formats::Release& release) override;
  Result<std::vector<formats::Release>> left_out() override;

  // Takes the rows of a pack away, with an event of that kind; the file is the caller's. Inside the
  // caller's transaction.
  Status withdraw(Database& database, const std::string& pack, const char* kind,
                  const std::string& why);
  Result<std::vector<StoredArtifact>> artifacts_of(const std::string& pack);

 private:
  template <typename... Values>
  Result<std::vector<StoredArtifact>> select(std::string_view where, const Values&... values);
  Result<std::int64_t> put_pack(Database& database, const std::string& name);
  Status put_packs(Database& database, const std::vector<StoredArtifact>& sealed,
                   std::vector<std::string>& unneeded);
  void undo_seal(const std::vector<StoredArtifact>& sealed, bool may_pass);
  Result<std::string> cached_digest(const Sha256& sha256, const std::string& kind);
  void cache_digest(const Sha256& sha256, const std::string& kind, const std::string& value);

  CatalogDatabase& catalog_;
  const Folders& folders_;
  const Clock& clock_;
  std::uint64_t outbox_limit_;
};

}  // namespace ferry::storage
