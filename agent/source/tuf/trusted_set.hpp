// What of a TUF repository may be believed: the rules of the client's workflow (specification 1.0,
// section 5) apart from fetching and keeping. Bytes go in, in the order of the workflow; what is
// taken in was right by everything that was taken in before. What is refused changes nothing.
// Pure; one thread at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "agent/source/tuf/metadata.hpp"

namespace ferry::tuf {

// True when `role` is met: so many distinct keys of it have signed. Key ids are names; two of them
// for the same key count once.
bool is_signed(const Role& role, const Keys& keys, std::string_view canonical,
               const std::vector<Signature>& signatures);

// Errors: invalid (not the form), denied (not signed by enough, rolled back, expired, out of
// order), corrupt (not the length, hash or version that was announced), too_large.
class TrustedSet {
 public:
  // `root` is believed because of where it came from; it must still be signed by itself. `now` is
  // the time that expiry is measured against for as long as the set is used (section 5.1).
  static Result<TrustedSet> begin(std::string_view root, Time now, const Limits& limits = {});

  // The next root: signed as the one before and as itself ask, its version one higher. Whether it
  // has expired is looked at only once the chain has ended, in update_timestamp.
  Status update_root(std::string_view bytes);

  // Takes in what was kept from an earlier session, against which a rollback is known. Both are
  // left out when either is not signed as the root asks now: its keys were rotated, and so a
  // repository recovers from versions that an attacker drove up (section 5.3.11). Empty: nothing
  // was kept. The kept snapshot takes effect when update_timestamp() is done.
  void remember(std::string_view timestamp, std::string_view snapshot);

  // False when it has the version of the trusted one, which stays.
  Result<bool> update_timestamp(std::string_view bytes);

  // True when the kept snapshot is the one that the timestamp announces, so that none need be
  // fetched.
  Result<bool> kept_snapshot_holds();
  Status update_snapshot(std::string_view bytes);

  // Of top-level targets; the same whether they were kept or fetched.
  Status update_targets(std::string_view bytes);
  // `role` as `delegator`, an object of this set, lets it speak. What was believed under one
  // delegator is not believed under another. The pointer lives as long as the set.
  Result<const Targets*> update_delegated(const Targets& delegator, const std::string& role,
                                          std::string_view bytes);

  const Root& root() const { return root_.part; }
  const Timestamp& timestamp() const { return timestamp_->part; }  // after update_timestamp
  const Snapshot& snapshot() const { return snapshot_->part; }     // after update_snapshot
  const Targets* targets() const { return targets_.get(); }        // null before update_targets
  // Null unless it was taken in under this delegator.
  const Targets* delegated(const Targets& delegator, const std::string& role) const;
  // What the snapshot announces of a role; null when it knows none of that name.
  const MetaFile* announced(const std::string& role) const;

 private:
  TrustedSet(Document<Root> root, Time now, const Limits& limits)
      : root_(std::move(root)), now_(now), limits_(limits) {}

  Status check_expiry(const Common& part, std::string_view role) const;
  Status check_snapshot(const Document<Snapshot>& snapshot) const;
  Result<std::unique_ptr<Targets>> read_targets(const Role& signers, const Keys& keys,
                                                const std::string& role,
                                                std::string_view bytes) const;

  Document<Root> root_;
  Time now_;
  Limits limits_;
  std::optional<Document<Timestamp>> timestamp_;
  std::optional<Document<Snapshot>> kept_snapshot_;
  std::string kept_snapshot_bytes_;
  bool timestamp_settled_ = false;
  std::optional<Document<Snapshot>> snapshot_;
  std::unique_ptr<Targets> targets_;
  std::map<std::pair<const Targets*, std::string>, std::unique_ptr<Targets>> delegated_;
};

}  // namespace ferry::tuf
