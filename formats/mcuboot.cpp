#include "formats/mcuboot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "formats/little_endian.hpp"

namespace ferry::formats {
namespace {

constexpr std::uint32_t image_magic = 0x96f3b83d;
constexpr std::uint16_t protected_magic = 0x6908;
constexpr std::uint16_t tlv_magic = 0x6907;
constexpr std::size_t header_bytes = 32;
constexpr std::size_t tlv_bytes = 4;  // of a TLV's head, and of the block's
constexpr std::size_t piece_bytes = 64U << 10U;
constexpr std::uint32_t flag_aes128 = 0x04;
constexpr std::uint32_t flag_aes256 = 0x08;

Failure bad(std::string_view why) {
  return fail(ErrorCode::invalid, fmt::format("MCUboot image: {}", why));
}

struct Kind {
  McubootHash type;
  Algorithm algorithm;
  std::size_t size;
};
constexpr std::array<Kind, 3> kinds = {{{McubootHash::sha256, Algorithm::sha256, 32},
                                        {McubootHash::sha384, Algorithm::sha384, 48},
                                        {McubootHash::sha512, Algorithm::sha512, 64}}};

const Kind* kind_of(std::uint16_t type) {
  const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) {
    return static_cast<std::uint16_t>(kind.type) == type;
  });
  return found == kinds.end() ? nullptr : &*found;
}

class Inspection {
 public:
  Inspection(const ReadContent& read, std::uint64_t size) : read_(read), size_(size) {}

  Result<McubootImage> run() {
    if (Status good = read_header(); !good) return fail(good.error());
    if (Status good = read_tlvs(); !good) return fail(good.error());
    if (image_.encrypted) {
      image_.check = McubootCheck::cannot_be_checked;
      return image_;
    }
    if (Status good = check_hash(); !good) return fail(good.error());
    return image_;
  }

 private:
  Status read_header() {
    std::array<std::byte, header_bytes> raw{};
    if (size_ < raw.size()) return bad("shorter than its header");
    if (Status good = read_(0, raw); !good) return good;
    if (!is_mcuboot(raw)) return bad("does not begin with its magic");
    image_.load_address = little_endian<std::uint32_t>(raw, 4);
    image_.header_size = little_endian<std::uint16_t>(raw, 8);
    image_.protected_size = little_endian<std::uint16_t>(raw, 10);
    image_.body_size = little_endian<std::uint32_t>(raw, 12);
    image_.flags = little_endian<std::uint32_t>(raw, 16);
    image_.version.major = little_endian<std::uint8_t>(raw, 20);
    image_.version.minor = little_endian<std::uint8_t>(raw, 21);
    image_.version.revision = little_endian<std::uint16_t>(raw, 22);
    image_.version.build = little_endian<std::uint32_t>(raw, 24);
    image_.encrypted = (image_.flags & (flag_aes128 | flag_aes256)) != 0;
    if (image_.header_size < header_bytes) return bad("states a header shorter than there is");
    if (image_.body_size == 0) return bad("has no body");
    return {};
  }

  // One block of TLVs at `at`; `total` becomes its size, head included.
  Status read_block(std::uint64_t at, std::uint16_t magic, std::uint64_t& total) {
    std::array<std::byte, tlv_bytes> head{};
    if (at > size_ || size_ - at < head.size()) return bad("ends before its TLVs");
    if (Status good = read_(at, head); !good) return good;
    if (little_endian<std::uint16_t>(head, 0) != magic) return bad("has no TLVs where they belong");
    total = little_endian<std::uint16_t>(head, 2);
    if (total < head.size() || total > size_ - at) return bad("ends within its TLVs");
    std::vector<std::byte> block(static_cast<std::size_t>(total));
    if (Status good = read_(at, block); !good) return good;
    return read_entries(block);
  }

  Status read_entries(std::span<const std::byte> block) {
    std::size_t at = tlv_bytes;
    while (at < block.size()) {
      if (block.size() - at < tlv_bytes) return bad("has a TLV that is cut off");
      const auto type = little_endian<std::uint16_t>(block, at);
      const auto length = little_endian<std::uint16_t>(block, at + 2);
      at += tlv_bytes;
      if (length > block.size() - at) return bad("has a TLV beyond its end");
      if (const Kind* kind = kind_of(type)) {
        if (length != kind->size) return bad("has a hash of the wrong length");
        if (kind_ != nullptr) return bad("has several hashes");
        kind_ = kind;
        image_.hash_type = kind->type;
        image_.hash = as_text(block.subspan(at, length));
      }
      at += length;
    }
    return {};
  }

  // A hash among the protected TLVs would be over itself; MCUboot looks for it in both places, and
  // so does this: the check decides.
  Status read_tlvs() {
    std::uint64_t at = image_.header_size + image_.body_size;
    if (image_.protected_size > 0) {
      std::uint64_t total = 0;
      if (Status good = read_block(at, protected_magic, total); !good) return good;
      if (total != image_.protected_size) return bad("has protected TLVs of another size");
      at += total;
    }
    std::uint64_t total = 0;
    if (Status good = read_block(at, tlv_magic, total); !good) return good;
    image_.total_size = at + total;
    if (kind_ == nullptr) return bad("has no hash");
    return {};
  }

  Status check_hash() const {
    Digester digester(kind_->algorithm);
    const std::uint64_t hashed = image_.header_size + image_.body_size + image_.protected_size;
    std::vector<std::byte> buffer(
        static_cast<std::size_t>(std::min<std::uint64_t>(hashed, piece_bytes)));
    for (std::uint64_t at = 0; at < hashed;) {
      const auto count =
          static_cast<std::size_t>(std::min<std::uint64_t>(hashed - at, buffer.size()));
      const std::span<std::byte> piece(buffer.data(), count);
      if (Status good = read_(at, piece); !good) return good;
      digester.update(piece);
      at += count;
    }
    if (digester.hex() != to_hex(as_bytes(image_.hash))) {
      return fail(ErrorCode::corrupt, "MCUboot image: its hash does not fit its body");
    }
    return {};
  }

  const ReadContent& read_;
  std::uint64_t size_;
  McubootImage image_;
  const Kind* kind_ = nullptr;
};

}  // namespace

std::string McubootVersion::text() const {
  // Integer types of one byte would be printed as characters.
  const unsigned high = major;
  const unsigned middle = minor;
  if (build == 0) return fmt::format("{}.{}.{}", high, middle, revision);
  return fmt::format("{}.{}.{}+{}", high, middle, revision, build);
}

bool is_mcuboot(Bytes beginning) {
  return beginning.size() >= 4 && little_endian<std::uint32_t>(beginning, 0) == image_magic;
}

Result<McubootImage> inspect_mcuboot(const ReadContent& read, std::uint64_t size) {
  return Inspection(read, size).run();
}

}  // namespace ferry::formats
