// TUF metadata as values (specification 1.0, section 4). Readers check form alone; what may be
// believed is decided in trusted_set.hpp. Fields that are not known are let be: signatures cover
// them, and what is kept and hashed is the bytes as they came. Pure, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/source/tuf/key.hpp"
#include "base/clock.hpp"

namespace ferry::tuf {

// Bytes that metadata of a role may have.
struct Limits {
  std::uint64_t root = 512'000;
  std::uint64_t timestamp = 16'384;
  std::uint64_t snapshot = 2'000'000;
  std::uint64_t targets = 5'000'000;    // and of each delegated role
  std::uint64_t together = 64U << 20U;  // targets and all delegated roles that one refresh brings
};

struct Signature {
  std::string keyid;
  std::string hex;
};

// What every role's signed part has.
struct Common {
  std::uint64_t version = 0;  // from 1
  Time expires{};
};

// Who may sign for a role, and how many of them must.
struct Role {
  std::set<std::string> keyids;
  std::uint64_t threshold = 1;
};

struct Root : Common {
  bool consistent_snapshot = false;
  Keys keys;
  Role root, timestamp, snapshot, targets;
};

// Length and hashes of a file: SHA-256 and SHA-512 are checked, others say nothing.
struct FileFacts {
  std::optional<std::uint64_t> length;
  std::map<std::string, std::string> hashes;  // algorithm to lower-case hex
};

// What timestamp and snapshot say of other metadata.
struct MetaFile : FileFacts {
  std::uint64_t version = 0;
};

struct Timestamp : Common {
  MetaFile snapshot;
};

struct Snapshot : Common {
  std::map<std::string, MetaFile> meta;  // by role with ".json" behind it
};

// An artifact. Length and at least one hash that is checked are there.
struct TargetFile : FileFacts {
  Json custom;  // null when there is none
};

struct DelegatedRole : Role {
  std::string name;
  bool terminating = false;
  std::vector<std::string> paths;          // patterns; or else
  std::vector<std::string> hash_prefixes;  // of the SHA-256 of the artifact's path
};

// 2^bit_length roles NAME-00 … that share keys and threshold (specification 1.0.29, TAP 15).
struct SuccinctRoles : Role {
  unsigned bit_length = 1;  // 1 to 32
  std::string name_prefix;
};

struct Delegations {
  Keys keys;
  std::vector<DelegatedRole> roles;  // in the order of their priority
  std::optional<SuccinctRoles> succinct;
};

struct Targets : Common {
  std::map<std::string, TargetFile> targets;
  std::optional<Delegations> delegations;
};

template <typename Part>
struct Document {
  Part part;
  std::string canonical;  // what was signed
  std::vector<Signature> signatures;
};

Result<Document<Root>> parse_root(std::string_view bytes, const Limits& limits);
Result<Document<Timestamp>> parse_timestamp(std::string_view bytes, const Limits& limits);
Result<Document<Snapshot>> parse_snapshot(std::string_view bytes, const Limits& limits);
// `role` stands in the errors.
Result<Document<Targets>> parse_targets(std::string_view bytes, std::string_view role,
                                        const Limits& limits);

// "2026-11-21T08:15:00Z" and no other form.
std::optional<Time> parse_time(std::string_view text);

// Adds up what comes, and says whether it is the file that was described.
class FileCheck {
 public:
  explicit FileCheck(FileFacts facts);
  // ErrorCode::too_large as soon as there is more than the stated length.
  Status update(Bytes content);
  // ErrorCode::corrupt unless length and every hash that is known here are right.
  Status finish() const;

 private:
  FileFacts facts_;
  std::uint64_t length_ = 0;
  std::map<std::string, Digester> digesters_;
};

}  // namespace ferry::tuf
