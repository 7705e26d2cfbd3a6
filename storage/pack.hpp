// Packs: SQLite files of 256 KiB chunks. Open while being filled (one writer, incoming/), sealed
// when complete and verified (read-only, packs/). Only sealed packs are read for devices.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace ferry::storage {

inline constexpr std::uint64_t chunk_size = 256U << 10U;

// An artifact in a sealed pack: everything a reader needs to find it and to check every byte.
struct StoredArtifact {
  Sha256 sha256;
  std::uint64_t size = 0;
  Sha256
      chunk_root;  // SHA-256 over the chunks' SHA-256 values in order; binds each chunk to this row
  std::string pack;  // file name inside packs/
};

// How far an artifact in an open pack has come.
struct PartialArtifact {
  std::uint64_t offset = 0;  // bytes that are committed; the source goes on from here
  std::string validator;     // the upstream's strong ETag when these bytes came, "" for none
};

// Fills one open pack. Not thread-safe. SIGKILL loses at most one chunk of what append() took; a
// power cut at most 1 MiB or what came in during the last two seconds, never more than
// `commit_bytes`; nothing when the writer was destroyed before.
class PackWriter {
 public:
  static constexpr std::uint64_t commit_bytes = 16U << 20U;

  // Creates the file or opens what an earlier run left; a file that is damaged is begun anew.
  static Result<PackWriter> open(const std::filesystem::path& file);
  PackWriter(PackWriter&&) noexcept;
  PackWriter& operator=(PackWriter&&) noexcept;
  ~PackWriter();  // leaves the file to be resumed

  // From now on artifacts are begun by keys of the caller's, since nobody tells their SHA-256:
  // finish() checks the size alone, and name() has to come before seal().
  void name_later();
  // Reads a complete artifact back, each chunk checked, and gives it its SHA-256 in place of its
  // key.
  Result<Sha256> name(const Sha256& key);
  // Starts or resumes one artifact, and says from where. An artifact that is complete here has
  // offset == size.
  Result<PartialArtifact> begin(const Sha256& sha256, std::uint64_t size);
  // Forgets the bytes of the artifact begun, to start afresh at 0 with the upstream's new
  // validator.
  Status restart(const std::string& validator);
  // Bytes at the current offset; commits by itself.
  Status append(Bytes content);
  // The artifact's end: the whole hash is checked. ErrorCode::corrupt throws its bytes away, so
  // that the next begin() starts at 0.
  Status finish();
  // Closes, makes read-only, renames to packs/<name>, syncs the folder. The caller admits the
  // release right after, else it is an orphan.
  Result<std::vector<StoredArtifact>> seal(const std::filesystem::path& packs_folder);

 private:
  struct State;
  explicit PackWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Reads sealed packs, immutable=1. Not thread-safe: one reader a thread. Keeps at most a few packs
// open.
class PackReader {
 public:
  explicit PackReader(std::filesystem::path packs_folder);
  PackReader(PackReader&&) noexcept;
  PackReader& operator=(PackReader&&) noexcept;
  ~PackReader();

  // Fills `out` from `offset`. A chunk is checked against its SHA-256, and the chunk list against
  // chunk_root, when first read since start. ErrorCode::corrupt: the pack is bad, tell the agent;
  // `out` then holds nothing to be used.
  Status read(const StoredArtifact& artifact, std::uint64_t offset, std::span<std::byte> out);
  // Forgets a pack that was withdrawn, and that its chunks were checked.
  void close(const std::string& pack);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads every byte of an artifact past all caches, for the scrub.
Status verify(const std::filesystem::path& packs_folder, const StoredArtifact& artifact);

}  // namespace ferry::storage
