#include "agent/source/tuf/trusted_set.hpp"

#include <algorithm>

#include "agent/source/tuf/names.hpp"
#include "base/hex.hpp"

namespace ferry::tuf {
namespace {

Status check_signed(const Role& role, const Keys& keys, std::string_view canonical,
                    const std::vector<Signature>& signatures, std::string_view name,
                    std::string_view by) {
  if (is_signed(role, keys, canonical, signatures)) return {};
  return fail(ErrorCode::denied, std::string(name) + ": not signed by " +
                                     std::to_string(role.threshold) + " distinct keys of " +
                                     std::string(by));
}

Status check_file(const FileFacts& facts, std::string_view bytes) {
  FileCheck check(facts);
  const Status taken = check.update(as_bytes(bytes));
  return taken ? check.finish() : taken;
}

std::string versions(std::uint64_t got, std::uint64_t wanted) {
  return "version " + std::to_string(got) + " instead of " + std::to_string(wanted);
}

}  // namespace

bool is_signed(const Role& role, const Keys& keys, std::string_view canonical,
               const std::vector<Signature>& signatures) {
  std::vector<Key> signers;
  for (const Signature& signature : signatures) {
    const auto key = keys.find(signature.keyid);
    if (key == keys.end() || !role.keyids.contains(signature.keyid)) continue;
    const bool counted = std::any_of(signers.begin(), signers.end(),
                                     [&](const Key& other) { return other.same_as(key->second); });
    const std::optional<std::string> bytes = from_hex(signature.hex);
    if (counted || !bytes || !key->second.verify(as_bytes(canonical), as_bytes(*bytes))) continue;
    signers.push_back(key->second);
    if (signers.size() >= role.threshold) return true;
  }
  return false;
}

Status TrustedSet::check_expiry(const Common& part, std::string_view role) const {
  if (now_ < part.expires) return {};
  return fail(ErrorCode::denied, std::string(role) + ": expired at " + to_rfc3339(part.expires) +
                                     ", and it is " + to_rfc3339(now_));
}

Result<TrustedSet> TrustedSet::begin(std::string_view root, Time now, const Limits& limits) {
  Result<Document<Root>> document = parse_root(root, limits);
  if (!document) return fail(document.error(), "the trusted root");
  const Status good = check_signed(document->part.root, document->part.keys, document->canonical,
                                   document->signatures, "the trusted root", "itself");
  if (!good) return fail(good.error());
  return TrustedSet(std::move(*document), now, limits);
}

Status TrustedSet::update_root(std::string_view bytes) {
  if (timestamp_settled_) return fail(ErrorCode::denied, "root: after the timestamp");
  Result<Document<Root>> next = parse_root(bytes, limits_);
  if (!next) return fail(next.error());
  const Root& now = root_.part;
  Status good = check_signed(now.root, now.keys, next->canonical, next->signatures, "root",
                             "version " + std::to_string(now.version));
  if (!good) return good;
  good = check_signed(next->part.root, next->part.keys, next->canonical, next->signatures, "root",
                      "itself");
  if (!good) return good;
  if (next->part.version != now.version + 1) {
    return fail(ErrorCode::denied, "root: " + versions(next->part.version, now.version + 1));
  }
  root_ = std::move(*next);
  return {};
}

void TrustedSet::remember(std::string_view timestamp, std::string_view snapshot) {
  const Root& root = root_.part;
  Result<Document<Timestamp>> kept = parse_timestamp(timestamp, limits_);
  Result<Document<Snapshot>> list = parse_snapshot(snapshot, limits_);
  // What cannot be read at all was damaged; that says nothing of the other's keys.
  if (kept && !is_signed(root.timestamp, root.keys, kept->canonical, kept->signatures)) return;
  if (list && !is_signed(root.snapshot, root.keys, list->canonical, list->signatures)) return;
  if (kept) timestamp_ = std::move(*kept);
  if (list) {
    kept_snapshot_ = std::move(*list);
    kept_snapshot_bytes_ = snapshot;
  }
}

Result<bool> TrustedSet::update_timestamp(std::string_view bytes) {
  const Root& root = root_.part;
  const Status root_good = check_expiry(root, "root");
  if (!root_good) return fail(root_good.error());
  if (snapshot_) return fail(ErrorCode::denied, "timestamp: after the snapshot");
  Result<Document<Timestamp>> next = parse_timestamp(bytes, limits_);
  if (!next) return fail(next.error());
  const Status good = check_signed(root.timestamp, root.keys, next->canonical, next->signatures,
                                   "timestamp", "root");
  if (!good) return fail(good.error());
  if (timestamp_) {
    const Timestamp& now = timestamp_->part;
    const Timestamp& wanted = next->part;
    if (wanted.version < now.version) {
      return fail(ErrorCode::denied,
                  "timestamp: rolled back: " + versions(wanted.version, now.version));
    }
    if (wanted.version == now.version) {
      const Status fresh = check_expiry(now, "timestamp");
      if (!fresh) return fail(fresh.error());
      timestamp_settled_ = true;
      return false;
    }
    if (wanted.snapshot.version < now.snapshot.version) {
      return fail(ErrorCode::denied, "timestamp: rolls the snapshot back: " +
                                         versions(wanted.snapshot.version, now.snapshot.version));
    }
  }
  const Status fresh = check_expiry(next->part, "timestamp");
  if (!fresh) return fail(fresh.error());
  timestamp_ = std::move(*next);
  timestamp_settled_ = true;
  return true;
}

Status TrustedSet::check_snapshot(const Document<Snapshot>& snapshot) const {
  const MetaFile& announced = timestamp_->part.snapshot;
  if (snapshot.part.version != announced.version) {
    return fail(ErrorCode::corrupt,
                "snapshot: " + versions(snapshot.part.version, announced.version));
  }
  return check_expiry(snapshot.part, "snapshot");
}

Result<bool> TrustedSet::kept_snapshot_holds() {
  if (!timestamp_settled_) return fail(ErrorCode::denied, "snapshot: before the timestamp");
  if (!kept_snapshot_ || !check_snapshot(*kept_snapshot_)) return false;
  if (!check_file(timestamp_->part.snapshot, kept_snapshot_bytes_)) return false;
  snapshot_ = kept_snapshot_;
  return true;
}

Status TrustedSet::update_snapshot(std::string_view bytes) {
  if (!timestamp_settled_) return fail(ErrorCode::denied, "snapshot: before the timestamp");
  if (targets_) return fail(ErrorCode::denied, "snapshot: after the targets");
  const Status as_stated = check_file(timestamp_->part.snapshot, bytes);
  if (!as_stated) return fail(as_stated.error(), "snapshot");
  Result<Document<Snapshot>> next = parse_snapshot(bytes, limits_);
  if (!next) return fail(next.error());
  const Root& root = root_.part;
  Status good =
      check_signed(root.snapshot, root.keys, next->canonical, next->signatures, "snapshot", "root");
  if (!good) return good;
  if (kept_snapshot_) {
    for (const auto& [name, before] : kept_snapshot_->part.meta) {
      const auto now = next->part.meta.find(name);
      if (now == next->part.meta.end()) {
        return fail(ErrorCode::denied, "snapshot: no longer names " + name.substr(0, 128));
      }
      if (now->second.version < before.version) {
        return fail(ErrorCode::denied, "snapshot: rolls back " + name.substr(0, 128) + ": " +
                                           versions(now->second.version, before.version));
      }
    }
  }
  Status fits = check_snapshot(*next);
  if (!fits) return fits;
  snapshot_ = std::move(*next);
  return {};
}

const MetaFile* TrustedSet::announced(const std::string& role) const {
  if (!snapshot_) return nullptr;
  const auto found = snapshot_->part.meta.find(role + ".json");
  return found == snapshot_->part.meta.end() ? nullptr : &found->second;
}

Result<std::unique_ptr<Targets>> TrustedSet::read_targets(const Role& signers, const Keys& keys,
                                                          const std::string& role,
                                                          std::string_view bytes) const {
  const std::string shown = role.substr(0, 128);
  const MetaFile* meta = announced(role);
  if (meta == nullptr) return fail(ErrorCode::denied, shown + ": the snapshot does not name it");
  const Status as_stated = check_file(*meta, bytes);
  if (!as_stated) return fail(as_stated.error(), shown);
  Result<Document<Targets>> next = parse_targets(bytes, shown, limits_);
  if (!next) return fail(next.error());
  const Status good =
      check_signed(signers, keys, next->canonical, next->signatures, shown, "its delegator");
  if (!good) return fail(good.error());
  if (next->part.version != meta->version) {
    return fail(ErrorCode::corrupt, shown + ": " + versions(next->part.version, meta->version));
  }
  const Status fresh = check_expiry(next->part, shown);
  if (!fresh) return fail(fresh.error());
  return std::make_unique<Targets>(std::move(next->part));
}

Status TrustedSet::update_targets(std::string_view bytes) {
  if (targets_) return fail(ErrorCode::denied, "targets: a second time");
  Result<std::unique_ptr<Targets>> targets =
      read_targets(root_.part.targets, root_.part.keys, "targets", bytes);
  if (!targets) return fail(targets.error());
  targets_ = std::move(*targets);
  return {};
}

Result<const Targets*> TrustedSet::update_delegated(const Targets& delegator,
                                                    const std::string& role,
                                                    std::string_view bytes) {
  if (!delegator.delegations) return fail(ErrorCode::denied, "a role that nobody delegates to");
  const Delegations& delegations = *delegator.delegations;
  const Role* signers = nullptr;
  for (const DelegatedRole& delegated : delegations.roles) {
    if (delegated.name == role) signers = &delegated;
  }
  if (delegations.succinct && is_succinct_role(*delegations.succinct, role)) {
    signers = &*delegations.succinct;
  }
  if (signers == nullptr) {
    return fail(ErrorCode::denied, role.substr(0, 128) + ": its delegator does not name it");
  }
  Result<std::unique_ptr<Targets>> targets = read_targets(*signers, delegations.keys, role, bytes);
  if (!targets) return fail(targets.error());
  std::unique_ptr<Targets>& place = delegated_[{&delegator, role}];
  // Whoever looked at the first one may still hold it.
  if (!place) place = std::move(*targets);
  return place.get();
}

const Targets* TrustedSet::delegated(const Targets& delegator, const std::string& role) const {
  const auto found = delegated_.find({&delegator, role});
  return found == delegated_.end() ? nullptr : found->second.get();
}

}  // namespace ferry::tuf
