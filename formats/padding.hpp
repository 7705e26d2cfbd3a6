// What is appended to an image for clients that download and check it in blocks of 512 bytes, and
// the digest that such a client computes. Agent (which computes digests) and dialects (which
// announce sizes and serve the bytes) share these functions, so that both always mean the same
// bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ferry::formats {

inline constexpr std::uint64_t block_size = 512;

// How a client of the chunked updater checks what it wrote; the values of `block_check =`.
enum class BlockCheck {
  skip_last,     // forgets the last block of an image that is a whole multiple of 512 bytes
  whole_blocks,  // divides with //: takes whole blocks only, and never hashes the last one
};

// "skip-last" or "whole-blocks"; anything else is skip_last, the default.
BlockCheck block_check_from(std::string_view name);
// The digest that a client with this check needs, as it stands in a `want` list:
// "sha256/skip-last", "sha256/whole-blocks".
std::string_view wanted_digest(BlockCheck check);

// The SHA-256 that the images of ESP32s carry in their last 32 bytes, of all before them: by it the
// chip names the image that it runs.
inline constexpr std::string_view appended_digest = "sha256/appended";

struct Padding {
  std::uint64_t appended = 0;  // bytes of 0xFF after the image; they are part of its announced size
  std::uint64_t left_out = 0;  // bytes at the padded image's end that the client does not hash
};

Padding padding_for(std::uint64_t size, BlockCheck check);

// Turns a digest as it is wanted into one that can be computed for an artifact of `size` bytes:
// "sha256/skip-last", "sha256/whole-blocks" and appended_digest become "sha256" with "+N" (N bytes
// 0xFF appended) and "-M" (the last M bytes left out) as far as needed; every other kind is given
// back as it is.
// What was computed is handed on under the name that was wanted.
std::string digest_kind(std::string_view wanted, std::uint64_t size);

}  // namespace ferry::formats
