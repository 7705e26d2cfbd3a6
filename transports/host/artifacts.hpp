// Artifacts that this host was told of, by the handles that its plugin knows them by.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "storage/pack.hpp"

namespace ferry::host {

struct Servable {
  explicit Servable(storage::StoredArtifact stored_artifact);

  const storage::StoredArtifact artifact;
  // What a signal handler sends when reading this artifact's pack ends in SIGBUS: a whole packet of
  // the link.
  const std::string last_words;
  std::atomic<bool> withdrawn = false;
};

// Thread-safe. An entry lives until the process ends, since its handle does.
class ArtifactTable {
 public:
  static constexpr std::size_t most = 200'000;

  // The handle of an artifact, the same for the same bytes in the same pack; nothing when the table
  // is full.
  std::optional<std::uint64_t> handle_of(const storage::StoredArtifact& artifact);
  // Null for a handle that was never given out.
  const Servable* find(std::uint64_t handle) const;
  // Nothing of this pack may be read any more; the same bytes in a new pack get a new handle.
  void withdraw(const std::string& pack);

 private:
  mutable std::mutex mutex_;
  std::deque<Servable> entries_;  // handle - 1 is the index
  std::map<std::pair<std::string, Sha256>, std::uint64_t> handles_;
};

}  // namespace ferry::host
