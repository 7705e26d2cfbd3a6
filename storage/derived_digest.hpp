// Digests that old devices ask for: of an artifact as it is, lengthened or shortened. Internal to
// storage/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/pack.hpp"

namespace ferry::storage {

// "sha1+4-512": SHA-1 over the artifact with 4 bytes 0xFF appended and the last 512 bytes left out.
struct DigestKind {
  Algorithm algorithm = Algorithm::sha256;
  std::uint64_t appended = 0;
  std::uint64_t left_out = 0;
};

// Exactly NAME[+N][-M], N and M from 1 to 65536 without leading zeros.
std::optional<DigestKind> parse_digest_kind(std::string_view text);

// Reads the artifact once, in memory of one chunk. ErrorCode::invalid when more is left out than
// there is.
Result<std::string> derive_digest(const std::filesystem::path& packs_folder,
                                  const StoredArtifact& artifact, const DigestKind& kind);

// The hash that an MCUboot image carries in its TLVs, in hex; "" when the artifact is none, or one
// whose hash does not fit its body. Reads it once, in memory of one chunk.
inline constexpr std::string_view mcuboot_kind = "mcuboot";
Result<std::string> derive_mcuboot(const std::filesystem::path& packs_folder,
                                   const StoredArtifact& artifact);

}  // namespace ferry::storage
