#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "base/file.hpp"
#include "base/log.hpp"
#include "storage/durability.hpp"
#include "storage/pack.hpp"
#include "storage/pack_format.hpp"

namespace ferry::storage {
namespace {

using pack_format::chunk_count;
using pack_format::chunk_length;
using pack_format::chunk_row;
using SteadyTime = std::chrono::steady_clock::time_point;

// On a slow link 1 MiB may take longer than the ignition stays on; whole chunks are committed as
// old as this.
constexpr std::chrono::seconds commit_age{5};

std::filesystem::path journal_of(const std::filesystem::path& file) {
  return file.string() + "-journal";
}

// Opens the file, makes the tables of a new one; ErrorCode::corrupt when it is no pack of this
// version. A transaction is left open: a new pack's tables reach the medium together with its first
// bytes.
Result<Database> open_pack(const std::filesystem::path& file) {
  // A pack that came back from packs/ is still read-only.
  (void)::chmod(file.c_str(), 0640);
  Result<Database> pack = Database::open(file, Database::Access::read_write);
  if (!pack) return pack;
  // Nothing may spill from the cache before the commit: it would cost syncs. A transaction is a
  // little more than commit_bytes.
  Status done = pack->script(fmt::format(
      "PRAGMA page_size = {}; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = TRUNCATE;"
      "PRAGMA synchronous = {}; PRAGMA secure_delete = OFF; PRAGMA cache_size = 96;"
      "PRAGMA cache_spill = OFF; PRAGMA cell_size_check = ON; BEGIN IMMEDIATE",
      pack_format::page_size, synchronous_mode()));
  if (!done) return fail(done.error());
  const auto tables = pack->number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return fail(tables.error());
  if (*tables == 0) {
    done = pack->script(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}; {}",
                                    pack_format::application_id, pack_format::version,
                                    pack_format::schema));
    if (!done) return fail(done.error());
    return pack;
  }
  const auto application = pack->number("PRAGMA application_id");
  const auto version = pack->number("PRAGMA user_version");
  if (!application || !version || *application != pack_format::application_id ||
      *version != pack_format::version) {
    return fail(ErrorCode::corrupt, file.string() + ": not an open pack");
  }
  return pack;
}

Status remove_pack(const std::filesystem::path& file) {
  for (const auto& path : {journal_of(file), file}) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, path.string());
  }
  return {};
}

// The artifact that bytes are being appended to.
struct Current {
  Sha256 sha256;
  std::uint64_t size = 0;
  std::int64_t number = 0;
  std::string validator;
  bool complete = false;
  std::uint64_t offset = 0;  // bytes accepted
  Digester whole{Algorithm::sha256};
  std::vector<std::byte> tail;  // the last bytes accepted, short of a chunk
};

}  // namespace

struct PackWriter::State {
  explicit State(std::filesystem::path file_) : file(std::move(file_)) {}

  std::filesystem::path file;
  std::optional<Database> pack;  // empty after a failure, until the next begin(), and once sealed
  bool sealed = false;
  std::optional<Current> current;
  std::int64_t next_number = 1;
  std::uint64_t uncommitted = 0;
  SteadyTime oldest_uncommitted{};
  bool resumed =
      false;  // bytes are older than this writer: nobody knows what the medium did to them

  Status open();
  Status load();
  Status start_over();
  Status ensure_transaction();
  Status commit();
  void abandon();
  Result<PartialArtifact> begin(const Sha256& sha256, std::uint64_t size);
  Status insert(const Sha256& sha256, std::uint64_t size);
  Status replay();
  Status put_chunk(std::uint64_t index, Bytes content);
  Status put_tail();
  Status forget();
  Status append(Bytes content);
  Status finish();
  Status drop_unfinished();
  Result<std::vector<StoredArtifact>> inventory();
  Result<std::string> publish(const std::filesystem::path& packs_folder);
};

Status PackWriter::State::open() {
  if (pack) return {};
  Result<Database> opened = open_pack(file);
  if (!opened) return fail(opened.error());
  pack = std::move(*opened);
  return load();
}

Status PackWriter::State::load() {
  const auto highest = pack->number("SELECT coalesce(max(number), 0) FROM artifact");
  if (!highest) return fail(highest.error());
  next_number = *highest + 1;
  resumed = *highest > 0;
  return {};
}

Status PackWriter::State::start_over() {
  current.reset();
  pack.reset();
  const Status done = remove_pack(file);
  return done ? open() : done;
}

Status PackWriter::State::ensure_transaction() {
  if (pack->in_transaction()) return {};
  return pack->script("BEGIN IMMEDIATE");
}

Status PackWriter::State::commit() {
  if (pack->in_transaction()) {
    const Status done = pack->script("COMMIT");
    if (!done) return done;
  }
  uncommitted = 0;
  return {};
}

// After a failure memory and file differ: begin() opens the file again and finds out how far it has
// come.
void PackWriter::State::abandon() {
  current.reset();
  pack.reset();
  uncommitted = 0;
}

Result<PartialArtifact> PackWriter::State::begin(const Sha256& sha256, std::uint64_t size) {
  Status done = put_tail();
  if (done) done = ensure_transaction();
  if (!done) return fail(done.error());
  current.reset();
  auto row = pack->prepare(
      "SELECT number, size, validator, complete FROM artifact WHERE sha256 = ?1", sha256);
  if (!row) return fail(row.error());
  const Result<bool> known = row->step();
  if (!known) return fail(known.error());
  if (!*known) {
    done = insert(sha256, size);
    if (!done) return fail(done.error());
    if (size == 0) done = finish();
    if (!done) return fail(done.error());
    return PartialArtifact{};
  }
  current.emplace();
  current->sha256 = sha256;
  current->number = row->integer(0);
  current->size = row->count(1);
  current->validator = row->text(2);
  current->complete = row->integer(3) == 1;
  row->reset();
  if (current->complete && current->size != size) {
    return fail(ErrorCode::invalid,
                fmt::format("artifact {} has {} bytes, not {}", sha256.hex(), current->size, size));
  }
  if (current->complete) {
    current->offset = size;
  } else {
    done = current->size == size ? replay() : forget();
    if (done && !current) done = insert(sha256, size);
  }
  if (!done) return fail(done.error());
  return PartialArtifact{current->offset, current->validator};
}

Status PackWriter::State::insert(const Sha256& sha256, std::uint64_t size) {
  current.emplace();
  current->sha256 = sha256;
  current->size = size;
  current->number = next_number++;
  return pack->run("INSERT INTO artifact VALUES(?1, ?2, ?3, '', 0)", sha256, current->number, size);
}

// Brings the hash state back by reading what is stored; ends where the first chunk is missing or
// bad.
Status PackWriter::State::replay() {
  auto rows = pack->prepare(
      "SELECT id, sha256, content FROM chunk WHERE id BETWEEN ?1 AND ?2"
      " ORDER BY id",
      chunk_row(current->number, 0), chunk_row(current->number + 1, 0) - 1);
  if (!rows) return fail(rows.error());
  std::uint64_t good = 0;
  for (;; ++good) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row || rows->integer(0) != chunk_row(current->number, good)) break;
    const Bytes content = rows->blob(2);
    if (good >= chunk_count(current->size) || content.empty() ||
        content.size() > chunk_length(current->size, good) ||
        Sha256::of(content) != rows->sha256(1)) {
      break;
    }
    current->whole.update(content);
    current->offset += content.size();
    if (content.size() < chunk_size) {
      current->tail.assign(content.begin(), content.end());
      ++good;
      break;
    }
  }
  rows->reset();
  const Status cut =
      pack->run("DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2", chunk_row(current->number, good),
                chunk_row(current->number + 1, 0) - 1);
  if (!cut || current->offset < current->size) return cut;
  const Sha256 sha256 = current->sha256;
  const std::uint64_t size = current->size;
  const Status finished = finish();
  if (finished || finished.error().code != ErrorCode::corrupt) return finished;
  const Status ready = ensure_transaction();
  return ready ? insert(sha256, size) : ready;
}

Status PackWriter::State::put_chunk(std::uint64_t index, Bytes content) {
  const Status ready = ensure_transaction();
  if (!ready) return ready;
  if (uncommitted == 0) oldest_uncommitted = std::chrono::steady_clock::now();
  uncommitted += content.size();
  return pack->run("INSERT OR REPLACE INTO chunk VALUES(?1, ?2, ?3)",
                   chunk_row(current->number, index), Sha256::of(content), content);
}

// Keeps bytes that are no whole chunk yet, so that a link that drops every few seconds gets on as
// well.
Status PackWriter::State::put_tail() {
  if (!current || current->complete || current->tail.empty()) return {};
  const Status done = put_chunk(current->offset / chunk_size, current->tail);
  return done;
}

Status PackWriter::State::forget() {
  Status done = ensure_transaction();
  if (done) {
    done = pack->run("DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2", chunk_row(current->number, 0),
                     chunk_row(current->number + 1, 0) - 1);
  }
  if (done) done = pack->run("DELETE FROM artifact WHERE sha256 = ?1", current->sha256);
  if (done) current.reset();
  return done;
}

Status PackWriter::State::append(Bytes content) {
  if (content.size() > current->size - current->offset) {
    return fail(ErrorCode::too_large, fmt::format("artifact {}: more than the {} bytes announced",
                                                  current->sha256.hex(), current->size));
  }
  current->whole.update(content);
  while (!content.empty()) {
    const std::size_t part =
        std::min<std::size_t>(content.size(), chunk_size - current->tail.size());
    const Bytes taken = content.first(part);
    current->tail.insert(current->tail.end(), taken.begin(), taken.end());
    current->offset += part;
    content = content.subspan(part);
    if (current->tail.size() < chunk_size) return {};
    Status done = put_chunk(current->offset / chunk_size - 1, current->tail);
    current->tail.clear();
    if (done && (uncommitted >= commit_bytes ||
                 std::chrono::steady_clock::now() - oldest_uncommitted >= commit_age)) {
      done = commit();
    }
    if (!done) return done;
  }
  return {};
}

Status PackWriter::State::finish() {
  if (current->complete) return {};
  if (current->offset != current->size) {
    return fail(ErrorCode::invalid,
                fmt::format("artifact {}: only {} of {} bytes are here", current->sha256.hex(),
                            current->offset, current->size));
  }
  const Sha256 arrived = current->whole.sha256();
  if (arrived != current->sha256) {
    const Sha256 wanted = current->sha256;
    Status done = forget();
    if (done) done = commit();
    if (!done) return done;
    return fail(ErrorCode::corrupt, fmt::format("SHA-256 is {}, not {}: the bytes were thrown away",
                                                arrived.hex(), wanted.hex()));
  }
  Status done = put_tail();
  if (done) done = ensure_transaction();
  if (done) {
    done = pack->run("UPDATE artifact SET complete = 1 WHERE sha256 = ?1", current->sha256);
  }
  if (!done) return done;
  current->tail.clear();
  current->complete = true;
  // Many small artifacts share a commit; a file of them must not cost syncs for each.
  return uncommitted >= commit_bytes ? commit() : Status{};
}

Status PackWriter::State::drop_unfinished() {
  Status done = ensure_transaction();
  if (done) {
    done = pack->run(
        "DELETE FROM chunk WHERE (id >> ?1) IN"
        " (SELECT number FROM artifact WHERE complete = 0)",
        static_cast<std::int64_t>(pack_format::index_bits));
  }
  if (done) done = pack->run("DELETE FROM artifact WHERE complete = 0");
  return done ? commit() : done;
}

Result<std::vector<StoredArtifact>> PackWriter::State::inventory() {
  std::vector<StoredArtifact> artifacts;
  auto rows = pack->prepare("SELECT sha256, size FROM artifact ORDER BY number");
  if (!rows) return fail(rows.error());
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) break;
    StoredArtifact artifact;
    artifact.sha256 = rows->sha256(0);
    artifact.size = rows->count(1);
    auto list = pack_format::load_chunks(*pack, artifact.sha256, artifact.size);
    if (!list) return fail(list.error());
    artifact.chunk_root = pack_format::root_of(list->chunks);
    if (resumed) {
      const Status whole =
          pack_format::for_each_chunk(*pack, *list, artifact.size, [](Bytes) { return Status{}; });
      if (!whole) return fail(whole.error());
    }
    artifacts.push_back(std::move(artifact));
  }
  if (artifacts.empty()) return fail(ErrorCode::invalid, "nothing in it is complete");
  return artifacts;
}

// From here on the file is closed. Gives the name it got in packs/.
Result<std::string> PackWriter::State::publish(const std::filesystem::path& packs_folder) {
  pack.reset();
  const auto journal = journal_of(file);
  if (::unlink(journal.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, journal.string());
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
  if (!state_ || !state_->pack) return;
  if (!state_->put_tail() || !state_->commit()) state_->abandon();
}

Result<PackWriter> PackWriter::open(const std::filesystem::path& file) {
  auto state = std::make_unique<State>(file);
  Status opened = state->open();
  if (!opened && opened.error().code == ErrorCode::corrupt) {
    log::warning("storage", "{}: begun anew", opened.error().message);
    opened = state->start_over();
  }
  if (!opened) return fail(opened.error());
  return PackWriter(std::move(state));
}

namespace {
Failure not_begun() {
  return fail(ErrorCode::invalid, "no artifact was begun in this pack");
}
}  // namespace

Result<PartialArtifact> PackWriter::begin(const Sha256& sha256, std::uint64_t size) {
  if (state_->sealed) return not_begun();
  if (size > pack_format::max_artifact_size) {
    return fail(ErrorCode::too_large, "larger than a pack can hold");
  }
  const Status opened = state_->open();
  if (!opened) return fail(opened.error());
  Result<PartialArtifact> partial = state_->begin(sha256, size);
  if (partial) return partial;
  state_->abandon();
  // Bytes that do not match an empty artifact's name are the caller's; everything else is the
  // file's.
  if (partial.error().code != ErrorCode::corrupt || size == 0) return partial;
  log::warning("storage", "{}: begun anew", partial.error().message);
  const Status fresh = state_->start_over();
  if (!fresh) return fail(fresh.error());
  return state_->begin(sha256, size);
}

Status PackWriter::restart(const std::string& validator) {
  if (!state_->pack || !state_->current) return not_begun();
  const Sha256 sha256 = state_->current->sha256;
  const std::uint64_t size = state_->current->size;
  Status done = state_->forget();
  if (done) done = state_->ensure_transaction();
  if (done) done = state_->insert(sha256, size);
  if (done) {
    state_->current->validator = validator;
    done = state_->pack->run("UPDATE artifact SET validator = ?2 WHERE sha256 = ?1", sha256,
                             validator);
  }
  if (!done) state_->abandon();
  return done;
}

Status PackWriter::append(Bytes content) {
  if (!state_->pack || !state_->current) return not_begun();
  Status done = state_->append(content);
  if (!done && done.error().code != ErrorCode::too_large) state_->abandon();
  return done;
}

Status PackWriter::finish() {
  if (!state_->pack || !state_->current) return not_begun();
  Status done = state_->finish();
  if (!done && done.error().code != ErrorCode::invalid) state_->abandon();
  return done;
}

Result<std::vector<StoredArtifact>> PackWriter::seal(const std::filesystem::path& packs_folder) {
  if (state_->sealed) return not_begun();
  state_->current.reset();
  Status ready = state_->open();
  if (ready) ready = state_->drop_unfinished();
  if (!ready) {
    state_->abandon();
    return fail(ready.error());
  }
  Result<std::vector<StoredArtifact>> sealed = state_->inventory();
  if (!sealed && sealed.error().code == ErrorCode::corrupt) {
    log::warning("storage", "{}: {}: begun anew", state_->file.string(), sealed.error().message);
    const Status fresh = state_->start_over();
    if (!fresh) return fail(fresh.error());
  }
  if (!sealed) return fail(sealed.error(), state_->file.string());
  const Result<std::string> name = state_->publish(packs_folder);
  if (!name) return fail(name.error());
  state_->sealed = true;
  for (StoredArtifact& artifact : *sealed) artifact.pack = *name;
  return sealed;
}

}  // namespace ferry::storage
