#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/file.hpp"
#include "base/log.hpp"
#include "storage/open_pack.hpp"
#include "storage/pack_format.hpp"

namespace ferry::storage {
namespace {

using pack_format::chunk_count;
using pack_format::chunk_length;
using pack_format::chunk_row;

// The artifact that bytes are being appended to.
struct Current {
  explicit Current(PackEntry entry_) : entry(std::move(entry_)) {}

  PackEntry entry;
  std::uint64_t offset = 0;  // bytes accepted
  Digester whole{Algorithm::sha256};
  std::vector<std::byte> rest;  // the last bytes accepted, short of a chunk
};

Failure not_begun() {
  return fail(ErrorCode::invalid, "no artifact was begun in this pack");
}

}  // namespace

struct PackWriter::State {
  explicit State(const std::filesystem::path& file) : pack(file) {}

  OpenPack pack;
  std::optional<Current> current;
  bool sealed = false;
  bool named_later = false;  // what is begun by a key of the caller's

  void abandon();
  Result<PartialArtifact> begin(const Sha256& sha256, std::uint64_t size);
  Status insert(const Sha256& sha256, std::uint64_t size, const std::string& validator);
  Status replay();
  Status read_back(std::uint64_t& good);
  Status put_rest();
  Status forget();
  Status append(Bytes content);
  Status finish();
  Result<Sha256> name(const Sha256& key);
  Result<std::vector<StoredArtifact>> inventory();
  Result<std::string> publish(const std::filesystem::path& packs_folder);
};

// After a failure memory and file differ: begin() opens the file again and finds out how far it has
// come.
void PackWriter::State::abandon() {
  current.reset();
  pack.close();
}

Status PackWriter::State::insert(const Sha256& sha256, std::uint64_t size,
                                 const std::string& validator) {
  Result<PackEntry> entry = pack.insert(sha256, size, validator);
  if (!entry) return fail(entry.error());
  current.emplace(std::move(*entry));
  return {};
}

Result<PartialArtifact> PackWriter::State::begin(const Sha256& sha256, std::uint64_t size) {
  Status done = put_rest();
  if (!done) return fail(done.error());
  current.reset();
  Result<std::optional<PackEntry>> known = pack.find(sha256);
  if (!known) return fail(known.error());
  if (!*known) {
    done = insert(sha256, size, "");
    if (done && size == 0) done = finish();
    if (!done) return fail(done.error());
    return PartialArtifact{};
  }
  current.emplace(std::move(**known));
  const PackEntry& entry = current->entry;
  if (entry.complete && entry.size != size) {
    return fail(ErrorCode::invalid,
                fmt::format("artifact {} has {} bytes, not {}", sha256.hex(), entry.size, size));
  }
  if (entry.complete) {
    current->offset = size;
  } else {
    done = entry.size == size ? replay() : forget();
    if (done && !current) done = insert(sha256, size, "");
  }
  if (!done) return fail(done.error());
  return PartialArtifact{current->offset, current->entry.validator};
}

// Brings the hash state back by reading what is stored; ends where the first chunk is missing or
// bad.
Status PackWriter::State::replay() {
  std::uint64_t good = 0;
  Status done = read_back(good);
  if (done) done = pack.cut(current->entry, good);
  if (!done || current->offset < current->entry.size) return done;
  // All bytes are there, but nobody has checked them.
  const PackEntry entry = current->entry;
  Status finished = finish();
  if (finished || finished.error().code != ErrorCode::corrupt) return finished;
  return insert(entry.sha256, entry.size, "");
}

Status PackWriter::State::read_back(std::uint64_t& good) {
  const PackEntry& entry = current->entry;
  auto rows = pack.database().prepare(
      "SELECT id, sha256, content FROM chunk WHERE id BETWEEN ?1 AND ?2"
      " ORDER BY id",
      chunk_row(entry.number, 0), chunk_row(entry.number + 1, 0) - 1);
  if (!rows) return fail(rows.error());
  for (good = 0; good < chunk_count(entry.size); ++good) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row || rows->integer(0) != chunk_row(entry.number, good)) return {};
    const Bytes content = rows->blob(2);
    if (content.empty() || content.size() > chunk_length(entry.size, good) ||
        Sha256::of(content) != rows->sha256(1)) {
      return {};
    }
    current->whole.update(content);
    current->offset += content.size();
    if (content.size() < chunk_size) {
      current->rest.assign(content.begin(), content.end());
      ++good;
      return {};
    }
  }
  return {};
}

// Keeps bytes that are no whole chunk yet, so that a link that drops every few seconds gets on as
// well.
Status PackWriter::State::put_rest() {
  if (!current || current->entry.complete || current->rest.empty()) return {};
  return pack.put_chunk(current->entry, current->offset / chunk_size, current->rest);
}

Status PackWriter::State::forget() {
  Status done = pack.remove(current->entry);
  if (done) current.reset();
  return done;
}

Status PackWriter::State::append(Bytes content) {
  if (content.size() > current->entry.size - current->offset) {
    return fail(ErrorCode::too_large,
                fmt::format("artifact {}: more than the {} bytes announced",
                            current->entry.sha256.hex(), current->entry.size));
  }
  current->whole.update(content);
  while (!content.empty()) {
    const Bytes part =
        content.first(std::min<std::size_t>(content.size(), chunk_size - current->rest.size()));
    current->rest.insert(current->rest.end(), part.begin(), part.end());
    current->offset += part.size();
    content = content.subspan(part.size());
    if (current->rest.size() < chunk_size) return {};
    Status done = pack.put_chunk(current->entry, current->offset / chunk_size - 1, current->rest);
    if (!done) return done;
    current->rest.clear();
  }
  return {};
}

Status PackWriter::State::finish() {
  PackEntry& entry = current->entry;
  if (entry.complete) return {};
  if (current->offset != entry.size) {
    return fail(ErrorCode::invalid, fmt::format("artifact {}: only {} of {} bytes are here",
                                                entry.sha256.hex(), current->offset, entry.size));
  }
  const Sha256 arrived = current->whole.sha256();
  if (!named_later && arrived != entry.sha256) {
    const Sha256 wanted = entry.sha256;
    Status done = forget();
    if (done) done = pack.commit();
    if (!done) return done;
    return fail(ErrorCode::corrupt, fmt::format("SHA-256 is {}, not {}: the bytes were thrown away",
                                                arrived.hex(), wanted.hex()));
  }
  Status done = put_rest();
  if (done) done = pack.mark_complete(entry);
  if (!done) return done;
  current->rest.clear();
  entry.complete = true;
  return {};
}

Result<Sha256> PackWriter::State::name(const Sha256& key) {
  const Result<std::optional<PackEntry>> entry = pack.find(key);
  if (!entry) return fail(entry.error());
  if (!*entry || !(*entry)->complete) return not_begun();
  const auto list = pack_format::load_chunks(pack.database(), key, (*entry)->size);
  if (!list) return fail(list.error());
  Digester whole(Algorithm::sha256);
  Status done =
      pack_format::for_each_chunk(pack.database(), *list, (*entry)->size, [&](Bytes content) {
        whole.update(content);
        return Status{};
      });
  if (!done) return fail(done.error());
  const Sha256 named = whole.sha256();
  const auto known = pack.find(named);
  if (!known) return fail(known.error());
  done = *known ? pack.remove(**entry) : pack.rename(**entry, named);
  if (!done) return fail(done.error());
  return named;
}

Result<std::vector<StoredArtifact>> PackWriter::State::inventory() {
  std::vector<StoredArtifact> artifacts;
  auto rows = pack.database().prepare("SELECT sha256, size FROM artifact ORDER BY number");
  if (!rows) return fail(rows.error());
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) break;
    StoredArtifact artifact;
    artifact.sha256 = rows->sha256(0);
    artifact.size = rows->count(1);
    auto list = pack_format::load_chunks(pack.database(), artifact.sha256, artifact.size);
    if (!list) return fail(list.error());
    artifact.chunk_root = pack_format::root_of(list->chunks);
    if (pack.resumed()) {
      const Status whole = pack_format::for_each_chunk(pack.database(), *list, artifact.size,
                                                       [](Bytes) { return Status{}; });
      if (!whole) return fail(whole.error());
    }
    artifacts.push_back(std::move(artifact));
  }
  if (artifacts.empty()) return fail(ErrorCode::invalid, "nothing in it is complete");
  return artifacts;
}

// From here on the file is closed. Gives the name it got in packs/.
Result<std::string> PackWriter::State::publish(const std::filesystem::path& packs_folder) {
  const Status closed = pack.finish();
  if (!closed) return fail(closed.error());
  const std::filesystem::path& file = pack.file();
  {
    const Descriptor handle(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!handle || ::fchmod(handle.get(), 0440) != 0 || ::fsync(handle.get()) != 0) {
      return fail_errno(errno, file.string());
    }
  }
  // A sealed pack is never replaced: somebody may be reading it.
  const std::string base = file.filename().string();
  std::string name = base;
  for (int next = 2;; ++next) {
    const auto target = packs_folder / name;
    if (::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) break;
    if (errno != EEXIST || next > 99) return fail_errno(errno, target.string());
    name = fmt::format("{}.{}", base, next);
  }
  Status synced = sync_folder(packs_folder);
  if (synced) synced = sync_folder(file.parent_path());
  if (!synced) return fail(synced.error());
  return name;
}

PackWriter::PackWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
PackWriter::PackWriter(PackWriter&&) noexcept = default;
PackWriter& PackWriter::operator=(PackWriter&&) noexcept = default;

PackWriter::~PackWriter() {
  if (!state_ || !state_->pack.is_open()) return;
  // What cannot be committed now stays in the tail.
  if (state_->put_rest()) (void)state_->pack.finish();
}

Result<PackWriter> PackWriter::open(const std::filesystem::path& file) {
  auto state = std::make_unique<State>(file);
  Status opened = state->pack.open();
  if (!opened && opened.error().code == ErrorCode::corrupt) {
    log::warning("storage", "{}: begun anew", opened.error().message);
    opened = state->pack.start_over();
  }
  if (!opened) return fail(opened.error());
  return PackWriter(std::move(state));
}

void PackWriter::name_later() {
  state_->named_later = true;
}

Result<Sha256> PackWriter::name(const Sha256& key) {
  if (state_->sealed) return not_begun();
  state_->current.reset();
  if (const Status opened = state_->pack.open(); !opened) return fail(opened.error());
  return state_->name(key);
}

Result<PartialArtifact> PackWriter::begin(const Sha256& sha256, std::uint64_t size) {
  if (state_->sealed) return not_begun();
  if (size > pack_format::max_artifact_size) {
    return fail(ErrorCode::too_large, "larger than a pack can hold");
  }
  const Status opened = state_->pack.open();
  if (!opened) return fail(opened.error());
  Result<PartialArtifact> partial = state_->begin(sha256, size);
  if (partial) return partial;
  state_->abandon();
  // Bytes that do not match an empty artifact's name are the caller's; everything else is the
  // file's.
  if (partial.error().code != ErrorCode::corrupt || size == 0) return partial;
  log::warning("storage", "{}: begun anew", partial.error().message);
  const Status fresh = state_->pack.start_over();
  if (!fresh) return fail(fresh.error());
  return state_->begin(sha256, size);
}

Status PackWriter::restart(const std::string& validator) {
  if (!state_->current) return not_begun();
  if (validator.size() > TailLog::max_validator) {
    return fail(ErrorCode::too_large, "the upstream's validator is too long");
  }
  const PackEntry entry = state_->current->entry;
  Status done = state_->forget();
  if (done) done = state_->insert(entry.sha256, entry.size, validator);
  if (!done) state_->abandon();
  return done;
}

Status PackWriter::append(Bytes content) {
  if (!state_->current) return not_begun();
  Status done = state_->append(content);
  if (!done && done.error().code != ErrorCode::too_large) state_->abandon();
  return done;
}

Status PackWriter::finish() {
  if (!state_->current) return not_begun();
  Status done = state_->finish();
  if (!done && done.error().code != ErrorCode::invalid) state_->abandon();
  return done;
}

Result<std::vector<StoredArtifact>> PackWriter::seal(const std::filesystem::path& packs_folder) {
  if (state_->sealed) return not_begun();
  state_->current.reset();
  Status ready = state_->pack.open();
  if (ready) ready = state_->pack.remove_unfinished();
  if (!ready) {
    state_->abandon();
    return fail(ready.error());
  }
  Result<std::vector<StoredArtifact>> sealed = state_->inventory();
  if (!sealed && sealed.error().code == ErrorCode::corrupt) {
    log::warning("storage", "{}: {}: begun anew", state_->pack.file().string(),
                 sealed.error().message);
    const Status fresh = state_->pack.start_over();
    if (!fresh) return fail(fresh.error());
  }
  if (!sealed) return fail(sealed.error(), state_->pack.file().string());
  const Result<std::string> name = state_->publish(packs_folder);
  if (!name) return fail(name.error());
  state_->sealed = true;
  for (StoredArtifact& artifact : *sealed) artifact.pack = *name;
  return sealed;
}

}  // namespace ferry::storage
