// Brings the artifacts of one release into packs, seals them and admits the release. How the bytes
// come is the caller's.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include "agent/source/ledger.hpp"
#include "agent/source/source.hpp"

namespace ferry::source {

// Artifacts of at least this size get a pack of their own; smaller ones of a release share one.
inline constexpr std::uint64_t own_pack_size = 1U << 20U;

// A pack to be filled.
struct PackPlan {
  std::string name;  // the same for the same artifacts, so that a killed fetch is found again
  std::vector<const formats::ReleaseArtifact*> artifacts;  // each digest once
  std::uint64_t bytes = 0;
};

// Pure: how those artifacts of a release that are `wanted` are packed.
std::vector<PackPlan> plan_packs(
    const std::string& source, const formats::Release& release,
    const std::function<bool(const formats::ReleaseArtifact&)>& wanted);

// Why a release is believed.
struct Grounds {
  std::string_view trust;      // "signature", "tls", "tuf" or "local"
  std::uint64_t snapshot = 0;  // tuf: version of the trusted snapshot that names it
};

class Ingest {
 public:
  // Makes the first of `next` complete in `pack`: begin, append, finish. The others are those that
  // come after it.
  using Next = std::span<const formats::ReleaseArtifact* const>;
  using Fill = std::function<Status(storage::PackWriter& pack, Next next)>;

  Ingest(const Context& context, Ledger& ledger, const Grounds& grounds)
      : context_(context), ledger_(ledger), grounds_(grounds) {}

  // On the source's thread. Whatever came in stays in open packs when it fails, and is found by the
  // next attempt. Packs are sealed only when all are full: a sealed pack without its release is
  // swept at start. When the store is full, what nobody needs is evicted; ErrorCode::disk_full when
  // that does not do. False when the release is left out, being itself what nobody needs.
  Result<bool> run(const formats::Release& release, const std::stop_token& stop, const Fill& fill);
  // The same for artifacts whose SHA-256 nobody tells: in its place each has a key, the same for
  // the same bytes and for no others. They are admitted by the SHA-256 of what came in.
  Result<bool> run_unnamed(const formats::Release& release, const std::stop_token& stop,
                           const Fill& fill);

 private:
  using Names = std::map<Sha256, Sha256>;  // of keys

  // `names`: null where artifacts have their SHA-256; else it gets what the keys stand for.
  Result<bool> run(const formats::Release& release, const std::stop_token& stop, const Fill& fill,
                   Names* names);
  // The packs of what is not held, after room was made for them as far as that can be had; none
  // when the release is left out.
  Result<std::optional<std::vector<PackPlan>>> plan_with_room(const formats::Release& release);
  Result<std::vector<storage::StoredArtifact>> fill_and_seal(const std::vector<PackPlan>& plans,
                                                             const std::stop_token& stop,
                                                             const Fill& fill, Names* names);

  const Context& context_;
  Ledger& ledger_;
  const Grounds grounds_;
};

}  // namespace ferry::source
