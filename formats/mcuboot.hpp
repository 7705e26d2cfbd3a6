// Images of MCUboot (its docs/design.md, section "Image format"): header, body, TLVs. Read when a
// release is taken in, so that no device ever sees an image whose hash does not fit its body. Pure:
// the content comes through a callback, in pieces. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace ferry::formats {

struct McubootVersion {
  std::uint8_t major = 0;
  std::uint8_t minor = 0;
  std::uint16_t revision = 0;
  std::uint32_t build = 0;

  std::string text() const;  // "1.2.3", or "1.2.3+4" with a build number, as imgtool writes it
  auto operator<=>(const McubootVersion&) const = default;
};

enum class McubootHash : std::uint16_t { sha256 = 0x10, sha384 = 0x11, sha512 = 0x12 };

// What the hash says of the body.
enum class McubootCheck {
  matches,            // recomputed and equal
  cannot_be_checked,  // encrypted: the hash is over the plain image, which only the device can see
};

struct McubootImage {
  McubootVersion version;
  std::uint32_t load_address = 0;
  std::uint32_t flags = 0;  // as in the header
  std::uint64_t header_size = 0;
  std::uint64_t body_size = 0;       // bytes
  std::uint64_t protected_size = 0;  // bytes of the protected TLVs, which are hashed too
  std::uint64_t total_size = 0;      // through the last TLV; the file may be padded beyond
  McubootHash hash_type = McubootHash::sha256;
  std::string hash;  // raw bytes: what a device reports as the image's hash in its state
  bool encrypted = false;
  McubootCheck check = McubootCheck::matches;
};

// Fills `out` with the content from `offset` on; the range always lies within the size that was
// stated. What it fails with is handed on.
using ReadContent = std::function<Status(std::uint64_t offset, std::span<std::byte> out)>;

// Whether content that begins so claims to be an MCUboot image (its first 4 bytes are the magic).
bool is_mcuboot(Bytes beginning);

// Reads header and TLVs of the `size` bytes behind `read`, then the hashed part once from front to
// back in pieces of at most 64 KiB. ErrorCode::invalid: not an image, or one that breaks its format
// or has no hash; ErrorCode::corrupt: the hash does not fit the body.
Result<McubootImage> inspect_mcuboot(const ReadContent& read, std::uint64_t size);

}  // namespace ferry::formats
