#include "formats/yaota.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ferry::formats {
namespace {

constexpr std::string_view magic{"yaota8266\x01", yaota_magic_size};
constexpr std::size_t sha1_size = 20;
constexpr std::size_t least_signature = 64;  // RSA with 512 bits, the smallest that is used
constexpr std::size_t padding = 16;
constexpr std::size_t sequence_size = 4;
// The device fills a sector of its flash with whole packets.
constexpr std::uint64_t sector = 4096;
constexpr std::uint64_t largest_image = 16U << 20U;  // an ESP8266 can have so much flash

std::uint32_t little(Bytes bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = value << 8U | std::to_integer<std::uint32_t>(bytes[i - 1]);
  }
  return value;
}

Failure broken(std::uint64_t at, std::string_view what) {
  return fail(ErrorCode::invalid, fmt::format("yaota8266 container, at byte {}: {}", at, what));
}

class ContainerInspection {
 public:
  ContainerInspection(const ReadContent& read, std::uint64_t size)
      : read_(read), size_(size), digest_(Algorithm::sha1) {}

  Result<YaotaContainer> run() {
    std::array<std::byte, yaota_magic_size> beginning{};
    if (Status got = take(beginning); !got) return fail(got.error());
    if (!is_yaota(beginning)) return broken(0, "it does not begin as one");
    while (true) {
      std::array<std::byte, 2> length{};
      if (Status got = get(length); !got) return fail(got.error());
      const std::uint32_t packet = little(length);
      if (packet == 0) break;
      digest_.update(length);
      if (Status fine = take_packet(packet); !fine) return fail(fine.error());
    }
    if (found_.packets == 0) return broken(at_, "it holds no image");
    if (found_.ends == 0) return broken(at_, "no packet ends the session");
    return check_digest();
  }

 private:
  Status get(std::span<std::byte> out) {
    if (out.size() > size_ - at_) return broken(at_, "it ends too early");
    if (Status got = read_(at_, out); !got) return got;
    at_ += out.size();
    return {};
  }
  Status take(std::span<std::byte> out) {
    Status got = get(out);
    if (got) digest_.update(out);
    return got;
  }

  Status take_packet(std::uint32_t length) {
    const std::uint64_t at = at_;
    if (length > yaota_packet_limit) return broken(at, "a packet that no frame carries");
    std::array<std::byte, yaota_packet_limit> bytes;
    const std::span<std::byte> packet(bytes.data(), length);
    if (Status got = take(packet); !got) return got;
    const auto head = parse_yaota_head(packet);
    if (!head) return broken(at, "a packet without a header");
    const std::size_t signed_size =
        (yaota_head_size - sequence_size + head->length + padding - 1) / padding * padding;
    if (length < sequence_size + signed_size + least_signature) {
      return broken(at, "a packet that is shorter than what it says to hold");
    }
    const std::size_t signature = length - sequence_size - signed_size;
    if (signature_ != 0 && signature != signature_) {
      return broken(at, "signatures of two lengths");
    }
    signature_ = signature;
    if (head->operation != 0) return broken(at, "an operation that is not known");
    return head->length == 0 ? take_end(at, *head) : take_data(at, *head);
  }

  Status take_end(std::uint64_t at, const YaotaPacket& head) {
    if (found_.packets == 0) return broken(at, "it ends before the image");
    if (head.offset != 0) return broken(at, "an end that stands somewhere");
    ++found_.ends;
    return {};
  }

  Status take_data(std::uint64_t at, const YaotaPacket& head) {
    if (found_.ends != 0) return broken(at, "data behind the end");
    if (head.offset != found_.image_size) return broken(at, "a gap in the image");
    if (block_ == 0) block_ = head.length;
    // Only the last one may leave a sector unfilled.
    if (sector % block_ != 0 || head.length > block_ || found_.image_size % block_ != 0) {
      return broken(at, "packets that do not fill sectors of 4096 bytes");
    }
    found_.image_size += head.length;
    ++found_.packets;
    if (found_.image_size > largest_image) return broken(at, "an image beyond 16 MiB");
    return {};
  }

  Result<YaotaContainer> check_digest() {
    std::array<std::byte, sha1_size> told{};
    if (Status got = get(told); !got) return fail(got.error());
    if (at_ != size_) return broken(at_, "something follows its checksum");
    if (digest_.hex() != to_hex(told)) {
      return fail(ErrorCode::corrupt, "yaota8266 container: its checksum does not fit");
    }
    return found_;
  }

  const ReadContent& read_;
  const std::uint64_t size_;
  std::uint64_t at_ = 0;
  Digester digest_;
  std::size_t signature_ = 0;  // bytes
  std::uint64_t block_ = 0;    // data of the first packet
  YaotaContainer found_;
};

}  // namespace

std::optional<YaotaPacket> parse_yaota_head(Bytes packet) {
  if (packet.size() < yaota_head_size) return std::nullopt;
  YaotaPacket head;
  head.sequence = little(packet.subspan(0, 4));
  head.operation = static_cast<std::uint16_t>(little(packet.subspan(4, 2)));
  head.length = static_cast<std::uint16_t>(little(packet.subspan(6, 2)));
  head.offset = little(packet.subspan(8, 4));
  return head;
}

bool is_yaota(Bytes beginning) {
  return as_text(beginning).starts_with(magic);
}

Result<YaotaContainer> inspect_yaota(const ReadContent& read, std::uint64_t size) {
  return ContainerInspection(read, size).run();
}

}  // namespace ferry::formats
