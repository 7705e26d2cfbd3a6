#include "storage/pack_format.hpp"

#include <fcntl.h>

#include "base/file.hpp"

namespace ferry::storage {
namespace pack_format {

Sha256 root_of(std::span<const Sha256> chunks) {
  Digester digester(Algorithm::sha256);
  for (const Sha256& chunk : chunks) digester.update(chunk.bytes);
  return digester.sha256();
}

Result<ChunkList> load_chunks(Database& pack, const Sha256& sha256, std::uint64_t size) {
  auto artifact = pack.prepare("SELECT number, size FROM artifact WHERE sha256 = ?1", sha256);
  if (!artifact) return fail(artifact.error());
  const Result<bool> known = artifact->step();
  if (!known) return fail(known.error());
  if (!*known || artifact->count(1) != size || size > max_artifact_size) {
    return fail(ErrorCode::corrupt, "artifact " + sha256.hex() + " is not listed");
  }
  ChunkList list;
  list.number = artifact->integer(0);
  const std::uint64_t count = chunk_count(size);
  list.chunks.reserve(count);
  auto rows = pack.prepare("SELECT sha256 FROM chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
                           chunk_row(list.number, 0), chunk_row(list.number + 1, 0) - 1);
  if (!rows) return fail(rows.error());
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) break;
    if (list.chunks.size() == count) return fail(ErrorCode::corrupt, "too many chunks");
    list.chunks.push_back(rows->sha256(0));
  }
  if (list.chunks.size() != count) return fail(ErrorCode::corrupt, "chunks are missing");
  return list;
}

Status scan(const std::filesystem::path& packs_folder, const StoredArtifact& artifact,
            const Sink& sink) {
  Result<Database> pack = Database::open(packs_folder / artifact.pack, Database::Access::immutable);
  if (!pack) return fail(pack.error());
  Status done = pack->script("PRAGMA cache_size = 4; PRAGMA cell_size_check = ON");
  if (done) {
    Result<ChunkList> list = load_chunks(*pack, artifact.sha256, artifact.size);
    if (!list) {
      done = fail(list.error());
    } else if (root_of(list->chunks) != artifact.chunk_root) {
      done = fail(ErrorCode::corrupt, "the list of chunks does not match the catalog");
    } else {
      done = for_each_chunk(*pack, *list, artifact.size, sink);
    }
  }
  if (done) return {};
  Error error = done.error();
  if (error.code == ErrorCode::io) error.code = ErrorCode::corrupt;
  return fail(std::move(error), "pack " + artifact.pack);
}

}  // namespace pack_format

Status verify(const std::filesystem::path& packs_folder, const StoredArtifact& artifact) {
  const std::filesystem::path file = packs_folder / artifact.pack;
  const Descriptor pages(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!pages) return fail_errno(errno, file.string());
  // What the page cache holds may be whole while the medium is not. Pages that a host has mapped
  // stay.
  ::posix_fadvise(pages.get(), 0, 0, POSIX_FADV_DONTNEED);
  return pack_format::scan(packs_folder, artifact, [](Bytes) { return Status{}; });
}

}  // namespace ferry::storage
