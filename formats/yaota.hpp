// Signed containers of yaota8266 (github.com/pfalcon/yaota8266, ota-client and ota-server): the
// packets that its bootloader takes, signed when the file was made, so that whoever sends them
// needs no key.
//
//   "yaota8266" 01 | { u16 size, packet }… | u16 0 | SHA-1 of all before the 0
//   packet: u32 sequence | u16 operation 0, u16 length, u32 offset, data, padding to 16 | signature
//
// Little-endian. The image comes in order, then packets of length 0, which end the session. Pure;
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "formats/mcuboot.hpp"

namespace ferry::formats {

inline constexpr std::size_t yaota_magic_size = 10;
inline constexpr std::size_t yaota_packet_limit = 1472;  // bytes: what one Ethernet frame carries

// What stands at the front of a packet.
struct YaotaPacket {
  std::uint32_t sequence = 0;
  std::uint16_t operation = 0;
  std::uint16_t length = 0;  // bytes of data; 0 ends the session
  std::uint32_t offset = 0;
};
inline constexpr std::size_t yaota_head_size = 12;
// Of a packet, or of a device's acknowledgement, which repeats it. Nothing when it is shorter.
std::optional<YaotaPacket> parse_yaota_head(Bytes packet);

struct YaotaContainer {
  std::uint64_t packets = 0;     // with data
  std::uint64_t ends = 0;        // without
  std::uint64_t image_size = 0;  // bytes
};

// Whether content that begins so claims to be such a container; of at least yaota_magic_size bytes.
bool is_yaota(Bytes beginning);

// Reads the `size` bytes behind `read` once from front to back. ErrorCode::invalid: it breaks its
// format, or holds what a device would not take; ErrorCode::corrupt: its checksum does not fit. The
// signatures are the device's to check.
Result<YaotaContainer> inspect_yaota(const ReadContent& read, std::uint64_t size);

}  // namespace ferry::formats
