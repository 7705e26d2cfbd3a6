// The tables inside a pack, shared by those who write, read and check packs. Internal to storage/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "storage/database.hpp"
#include "storage/pack.hpp"

namespace ferry::storage::pack_format {

inline constexpr std::int64_t application_id = 0x46725061;  // "FrPa", in the file's header
inline constexpr std::int64_t version = 1;
inline constexpr std::int64_t page_size = 16384;

// `number` tells the artifacts of one pack apart; a chunk's row follows from it and the chunk's
// index, so that a reader seeks straight to its bytes. The digest stands in the same row: one page
// less for each commit.
inline constexpr const char* schema =
    "CREATE TABLE artifact (sha256 BLOB PRIMARY KEY, number INTEGER NOT NULL, size INTEGER NOT "
    "NULL,"
    " validator TEXT NOT NULL, complete INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE chunk (id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, content BLOB NOT NULL) "
    "STRICT;";

inline constexpr unsigned index_bits = 16;
inline constexpr std::uint64_t max_artifact_size = chunk_size << index_bits;

inline std::int64_t chunk_row(std::int64_t number, std::uint64_t index) {
  return (number << index_bits) | static_cast<std::int64_t>(index);
}
inline std::uint64_t chunk_count(std::uint64_t size) {
  return (size + chunk_size - 1) / chunk_size;
}
inline std::uint64_t chunk_length(std::uint64_t size, std::uint64_t index) {
  return std::min(chunk_size, size - index * chunk_size);
}

Sha256 root_of(std::span<const Sha256> chunks);

struct ChunkList {
  std::int64_t number = 0;
  std::vector<Sha256> chunks;
};

// The chunk list of an artifact; ErrorCode::corrupt unless it has as many chunks as `size` needs.
Result<ChunkList> load_chunks(Database& pack, const Sha256& sha256, std::uint64_t size);

// Gives each chunk of the list to `sink` in order, checked against its digest. Stops at the first
// failure.
template <typename Sink>
Status for_each_chunk(Database& pack, const ChunkList& list, std::uint64_t size, Sink&& sink) {
  auto row = pack.prepare("SELECT content FROM chunk WHERE id = ?1", std::int64_t{0});
  if (!row) return fail(row.error());
  for (std::uint64_t index = 0; index < list.chunks.size(); ++index) {
    row->again(chunk_row(list.number, index));
    const Result<bool> found = row->step();
    if (!found) return fail(found.error());
    const Bytes content = *found ? row->blob(0) : Bytes{};
    if (content.size() != chunk_length(size, index) || Sha256::of(content) != list.chunks[index]) {
      return fail(ErrorCode::corrupt,
                  "chunk " + std::to_string(index) + " does not match its SHA-256");
    }
    Status taken = sink(content);
    if (!taken) return taken;
  }
  return {};
}

// Reads a sealed artifact from its first byte to its last, each chunk checked before `sink` gets
// it. Not by mmap: a medium that fails is an error here, not a signal. A medium that cannot be read
// is ErrorCode::corrupt.
using Sink = std::function<Status(Bytes)>;
Status scan(const std::filesystem::path& packs_folder, const StoredArtifact& artifact,
            const Sink& sink);

}  // namespace ferry::storage::pack_format
