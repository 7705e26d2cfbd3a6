#include "storage/derived_digest.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "formats/mcuboot.hpp"
#include "storage/pack_format.hpp"

namespace ferry::storage {
namespace {

constexpr std::uint64_t max_adjustment = 65536;

// Takes "+123" or "-123" off the front of `text`; false when it stands there but is not well
// formed.
bool take_adjustment(std::string_view& text, char sign, std::uint64_t& value) {
  if (text.empty() || text.front() != sign) return true;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + 1, end, value);
  if (error != std::errc() || text[1] == '0' || value > max_adjustment) return false;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return true;
}

}  // namespace

std::optional<DigestKind> parse_digest_kind(std::string_view text) {
  DigestKind kind;
  const std::size_t name_end = std::min(text.find_first_of("+-"), text.size());
  const std::string_view name = text.substr(0, name_end);
  if (name == "sha256") {
    kind.algorithm = Algorithm::sha256;
  } else if (name == "sha1") {
    kind.algorithm = Algorithm::sha1;
  } else if (name == "md5") {
    kind.algorithm = Algorithm::md5;
  } else {
    return std::nullopt;
  }
  text.remove_prefix(name_end);
  if (!take_adjustment(text, '+', kind.appended) || !take_adjustment(text, '-', kind.left_out) ||
      !text.empty()) {
    return std::nullopt;
  }
  return kind;
}

Result<std::string> derive_digest(const std::filesystem::path& packs_folder,
                                  const StoredArtifact& artifact, const DigestKind& kind) {
  if (kind.left_out > artifact.size + kind.appended) {
    return fail(ErrorCode::invalid, "more bytes left out than the artifact has");
  }
  std::uint64_t wanted = artifact.size + kind.appended - kind.left_out;
  Digester digester(kind.algorithm);
  const auto take = [&](Bytes content) -> Status {
    const Bytes part = content.first(std::min<std::uint64_t>(content.size(), wanted));
    digester.update(part);
    wanted -= part.size();
    return {};
  };
  const Status read = pack_format::scan(packs_folder, artifact, take);
  if (!read) return fail(read.error());
  const std::vector<std::byte> padding(kind.appended, std::byte{0xFF});
  (void)take(padding);
  return digester.hex();
}

namespace {

// Reads anywhere in a sealed artifact, each chunk checked, the last one kept.
class ChunkCursor {
 public:
  static Result<ChunkCursor> open(const std::filesystem::path& packs_folder,
                                  const StoredArtifact& artifact) {
    Result<Database> pack =
        Database::open(packs_folder / artifact.pack, Database::Access::immutable);
    if (!pack) return fail(pack.error());
    Result<pack_format::ChunkList> list =
        pack_format::load_chunks(*pack, artifact.sha256, artifact.size);
    if (!list) return fail(list.error());
    if (pack_format::root_of(list->chunks) != artifact.chunk_root) {
      return fail(ErrorCode::corrupt, "the list of chunks does not match the catalog");
    }
    return ChunkCursor(std::move(*pack), std::move(*list), artifact.size);
  }

  Status read(std::uint64_t offset, std::span<std::byte> out) {
    while (!out.empty()) {
      const std::uint64_t index = offset / chunk_size;
      if (Status there = load(index); !there) return there;
      const std::uint64_t skipped = offset - index * chunk_size;
      const std::size_t part = std::min<std::size_t>(out.size(), content_.size() - skipped);
      std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(skipped), part, out.begin());
      out = out.subspan(part);
      offset += part;
    }
    return {};
  }

 private:
  ChunkCursor(Database pack, pack_format::ChunkList list, std::uint64_t size)
      : pack_(std::move(pack)), list_(std::move(list)), size_(size) {}

  Status load(std::uint64_t index) {
    if (index == index_) return {};
    if (index >= list_.chunks.size()) return fail(ErrorCode::invalid, "beyond the artifact's end");
    auto row = pack_.prepare("SELECT content FROM chunk WHERE id = ?1",
                             pack_format::chunk_row(list_.number, index));
    if (!row) return fail(row.error());
    const Result<bool> found = row->step();
    if (!found) return fail(found.error());
    const Bytes content = *found ? row->blob(0) : Bytes{};
    if (content.size() != pack_format::chunk_length(size_, index) ||
        Sha256::of(content) != list_.chunks[index]) {
      return fail(ErrorCode::corrupt,
                  "chunk " + std::to_string(index) + " does not match its SHA-256");
    }
    content_.assign(content.begin(), content.end());
    index_ = index;
    return {};
  }

  Database pack_;
  pack_format::ChunkList list_;
  std::uint64_t size_;
  std::uint64_t index_ = UINT64_MAX;
  std::vector<std::byte> content_;
};

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += {digits[value >> 4U], digits[value & 15U]};
  }
  return text;
}

}  // namespace

Result<std::string> derive_mcuboot(const std::filesystem::path& packs_folder,
                                   const StoredArtifact& artifact) {
  Result<ChunkCursor> cursor = ChunkCursor::open(packs_folder, artifact);
  if (!cursor) return fail(cursor.error(), "pack " + artifact.pack);
  // What cannot be read says nothing of what it is.
  Status unread;
  const auto read = [&](std::uint64_t offset, std::span<std::byte> out) {
    Status done = cursor->read(offset, out);
    if (!done) unread = done;
    return done;
  };
  const auto image = formats::inspect_mcuboot(read, artifact.size);
  if (!unread) return fail(unread.error(), "pack " + artifact.pack);
  return image ? hex_of(image->hash) : std::string();
}

}  // namespace ferry::storage
