#include "storage/pack.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>

#include "storage/pack_format.hpp"

namespace ferry::storage {
namespace {

using pack_format::chunk_length;
using pack_format::chunk_row;

constexpr std::size_t max_open_packs = 8;
// Bounds what is remembered of artifacts that were read once; forgetting costs one more check.
constexpr std::size_t max_known_artifacts = 4096;

struct CloseBlob {
  void operator()(sqlite3_blob* blob) const { sqlite3_blob_close(blob); }
};

// Tells a file from another one that took its name.
struct FileIdentity {
  ino_t inode = 0;
  off_t size = 0;
  timespec changed{};

  bool operator==(const FileIdentity& other) const {
    return inode == other.inode && size == other.size && changed.tv_sec == other.changed.tv_sec &&
           changed.tv_nsec == other.changed.tv_nsec;
  }
};

Result<FileIdentity> identify(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return fail_errno(errno, file.string());
  return FileIdentity{status.st_ino, status.st_size, status.st_ctim};
}

struct ReadPack {
  ReadPack(std::string name_, FileIdentity identity_, Database database_)
      : name(std::move(name_)), identity(identity_), database(std::move(database_)) {}

  // Makes `blob` stand on the content of a row of `length` bytes.
  Status seek(std::int64_t row, std::uint64_t length);

  std::string name;
  FileIdentity identity;
  Database database;
  std::unique_ptr<sqlite3_blob, CloseBlob> blob;  // closed before its database
  std::int64_t row = -1;
  std::uint64_t last_use = 0;
};

Status ReadPack::seek(std::int64_t wanted, std::uint64_t length) {
  if (row != wanted) {
    row = -1;
    int code = SQLITE_OK;
    if (blob) {
      code = sqlite3_blob_reopen(blob.get(), wanted);
    } else {
      sqlite3_blob* opened = nullptr;
      code = sqlite3_blob_open(database.handle(), "main", "chunk", "content", wanted, 0, &opened);
      blob.reset(opened);
    }
    if (code != SQLITE_OK) {
      blob.reset();
      return fail(ErrorCode::corrupt, fmt::format("no chunk in row {}", wanted));
    }
    row = wanted;
  }
  if (static_cast<std::uint64_t>(sqlite3_blob_bytes(blob.get())) != length) {
    return fail(ErrorCode::corrupt, "a chunk has another length than it should");
  }
  return {};
}

// What is known of an artifact that was read from: kept while its pack is closed for lack of room.
struct KnownArtifact {
  std::string pack;
  FileIdentity identity;
  Sha256 chunk_root;
  pack_format::ChunkList list;
  std::vector<bool> checked;
};

}  // namespace

struct PackReader::State {
  std::filesystem::path folder;
  std::vector<std::unique_ptr<ReadPack>> packs;
  std::unordered_map<Sha256, KnownArtifact, Sha256Hash> artifacts;
  std::vector<std::byte> scratch = std::vector<std::byte>(chunk_size);
  std::uint64_t uses = 0;

  Result<ReadPack*> open(const std::string& name);
  Result<KnownArtifact*> know(ReadPack& pack, const StoredArtifact& artifact);
  Status check(ReadPack& pack, KnownArtifact& known, std::uint64_t index, std::uint64_t length);
  Status read(const StoredArtifact& artifact, std::uint64_t offset, std::span<std::byte> out);
};

Result<ReadPack*> PackReader::State::open(const std::string& name) {
  ++uses;
  for (const auto& pack : packs) {
    if (pack->name == name) {
      pack->last_use = uses;
      return pack.get();
    }
  }
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    return fail(ErrorCode::invalid, "not the name of a pack");
  }
  const Result<FileIdentity> identity = identify(folder / name);
  if (!identity) return fail(identity.error());
  Result<Database> database = Database::open(folder / name, Database::Access::immutable);
  if (!database) return fail(database.error());
  // Pages come by mmap; the cache would only hold them twice.
  const Status prepared = database->script(
      "PRAGMA mmap_size = 2147418112; PRAGMA cache_size = 4; PRAGMA cell_size_check = ON");
  if (!prepared) return fail(prepared.error());
  if (packs.size() == max_open_packs) {
    packs.erase(std::min_element(packs.begin(), packs.end(), [](const auto& a, const auto& b) {
      return a->last_use < b->last_use;
    }));
  }
  packs.push_back(std::make_unique<ReadPack>(name, *identity, std::move(*database)));
  packs.back()->last_use = uses;
  return packs.back().get();
}

Result<KnownArtifact*> PackReader::State::know(ReadPack& pack, const StoredArtifact& artifact) {
  const auto found = artifacts.find(artifact.sha256);
  if (found != artifacts.end()) {
    KnownArtifact& known = found->second;
    if (known.pack == artifact.pack && known.chunk_root == artifact.chunk_root &&
        known.identity == pack.identity) {
      return &known;
    }
    artifacts.erase(found);
  }
  auto list = pack_format::load_chunks(pack.database, artifact.sha256, artifact.size);
  if (!list) return fail(list.error());
  if (pack_format::root_of(list->chunks) != artifact.chunk_root) {
    return fail(ErrorCode::corrupt, "the list of chunks does not match the catalog");
  }
  if (artifacts.size() >= max_known_artifacts) artifacts.clear();
  KnownArtifact known;
  known.pack = artifact.pack;
  known.identity = pack.identity;
  known.chunk_root = artifact.chunk_root;
  known.checked.resize(list->chunks.size());
  known.list = std::move(*list);
  return &artifacts.insert_or_assign(artifact.sha256, std::move(known)).first->second;
}

// Reads a chunk whole into `scratch` and checks it there: what is handed out of it is what was
// checked.
Status PackReader::State::check(ReadPack& pack, KnownArtifact& known, std::uint64_t index,
                                std::uint64_t length) {
  if (sqlite3_blob_read(pack.blob.get(), scratch.data(), static_cast<int>(length), 0) !=
      SQLITE_OK) {
    return fail(ErrorCode::corrupt, fmt::format("chunk {} cannot be read", index));
  }
  if (Sha256::of(Bytes(scratch.data(), length)) != known.list.chunks[index]) {
    return fail(ErrorCode::corrupt, fmt::format("chunk {} does not match its SHA-256", index));
  }
  known.checked[index] = true;
  return {};
}

Status PackReader::State::read(const StoredArtifact& artifact, std::uint64_t offset,
                               std::span<std::byte> out) {
  if (out.size() > artifact.size || offset > artifact.size - out.size()) {
    return fail(ErrorCode::invalid, "beyond the end");
  }
  const Result<ReadPack*> pack = open(artifact.pack);
  if (!pack) return fail(pack.error());
  const Result<KnownArtifact*> known = know(**pack, artifact);
  if (!known) return fail(known.error());
  while (!out.empty()) {
    const std::uint64_t index = offset / chunk_size;
    const std::uint64_t within = offset % chunk_size;
    const std::uint64_t length = chunk_length(artifact.size, index);
    const std::size_t part = std::min<std::size_t>(out.size(), length - within);
    Status done = (*pack)->seek(chunk_row((*known)->list.number, index), length);
    if (done && !(*known)->checked[index]) {
      done = check(**pack, **known, index, length);
      if (done) std::memcpy(out.data(), scratch.data() + within, part);
    } else if (done && sqlite3_blob_read((*pack)->blob.get(), out.data(), static_cast<int>(part),
                                         static_cast<int>(within)) != SQLITE_OK) {
      done = fail(ErrorCode::corrupt, fmt::format("chunk {} cannot be read", index));
    }
    if (!done) return done;
    offset += part;
    out = out.subspan(part);
  }
  return {};
}

PackReader::PackReader(std::filesystem::path packs_folder) : state_(std::make_unique<State>()) {
  state_->folder = std::move(packs_folder);
}
PackReader::PackReader(PackReader&&) noexcept = default;
PackReader& PackReader::operator=(PackReader&&) noexcept = default;
PackReader::~PackReader() = default;

Status PackReader::read(const StoredArtifact& artifact, std::uint64_t offset,
                        std::span<std::byte> out) {
  Status done = state_->read(artifact, offset, out);
  if (done) return done;
  // Parts may be there already; a caller that overlooks the failure must not send them.
  std::fill(out.begin(), out.end(), std::byte{0});
  return fail(done.error(), "pack " + artifact.pack);
}

void PackReader::close(const std::string& pack) {
  std::erase_if(state_->packs, [&](const auto& open) { return open->name == pack; });
  std::erase_if(state_->artifacts, [&](const auto& known) { return known.second.pack == pack; });
}

}  // namespace ferry::storage
