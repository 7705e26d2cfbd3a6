// Brings one artifact into an open pack by a patch (formats/patch.hpp): fewer bytes over the link
// for the same artifact. Nothing is decoded before its hash was checked, and what comes out is the
// artifact only when its own hash says so.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/source/http_client.hpp"
#include "agent/source/ledger.hpp"
#include "formats/release.hpp"
#include "storage/pack.hpp"

namespace ferry::source {

// What a patch starts from and where it is.
struct PatchOrder {
  const formats::ArtifactPatch* patch;  // outlives the order
  std::string url;
  std::optional<storage::StoredArtifact> base;  // as it is held; nothing = the patch needs none
};

// Not thread-safe: on the source's thread.
class PatchDownload {
 public:
  PatchDownload(HttpClient& client, Ledger& ledger, std::filesystem::path packs_folder)
      : client_(client), ledger_(ledger), packs_folder_(std::move(packs_folder)) {}

  // The artifact is complete and its hash right, or: ErrorCode::corrupt, when the patch did not
  // make it; disk_full, read_only or cancelled; unavailable or timed_out, when the link failed and
  // the patch is to go on later, at the segment where it stopped. Any other error: this patch is
  // not to be had. What was appended is a beginning of the artifact unless corrupt.
  Status run(const PatchOrder& order, storage::PackWriter& pack, const formats::Release& release,
             const formats::ReleaseArtifact& artifact, const std::stop_token& stop);

 private:
  struct Attempt;
  Status attempt(Attempt& attempt, const std::stop_token& stop);
  // The part of the patch from `offset`, `length` bytes or with 0 to its end.
  Status get(Attempt& attempt, std::uint64_t offset, std::uint64_t length,
             const std::stop_token& stop);

  HttpClient& client_;
  Ledger& ledger_;
  const std::filesystem::path packs_folder_;
  std::map<std::string, int> idle_failures_;  // of the link, in a row and without a segment, by URL
};

}  // namespace ferry::source
