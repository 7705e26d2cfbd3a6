#include "storage/derived_digest.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

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

}  // namespace ferry::storage
