// How SMP packets go over a console line (Zephyr's "SMP over console", Mynewt's newtmgr): length,
// packet and CRC-16 in base64, cut into lines of at most 127 bytes that begin with 06 09 (first) or
// 04 14 (continued). Other text on the line is the device's console. Pure; one thread for each
// decoder.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "transports/smp/packet.hpp"

namespace ferry::smp {

inline constexpr std::size_t console_line_limit = 127;  // bytes, start mark and line end included
inline constexpr std::size_t console_line_raw = 93;     // raw bytes that a full line carries
// What length and CRC take of a buffer beside the packet. Servers decode into the same buffer that
// their parameters tell of, so a packet is to be smaller than it by so much.
inline constexpr std::size_t console_overhead = 4;

// The largest packet that this framing can carry.
inline constexpr std::size_t console_packet_limit = 65535 - 2;

// A packet of at most console_packet_limit bytes as it goes over the line. Every line ends in \n,
// so that a caller who paces may write line by line.
std::string encode_console(Bytes packet);

// Exactly how many bytes encode_console() makes of a packet of `size` bytes, and how many lines.
std::size_t console_encoded_size(std::size_t size);
std::size_t console_lines(std::size_t size);

// The packet size, at most `limit`, of which the largest share of the encoded bytes is payload:
// the last line is best full. For ClientOptions::fit.
std::size_t fit_console(std::size_t limit);

std::uint16_t crc16(Bytes content);  // polynomial 0x1021, initial value 0 (CRC-16/XMODEM)

struct ConsoleOptions {
  std::size_t packet_limit = smp::packet_limit;  // a longer one is skipped
  std::size_t text_limit = 256;                  // bytes of a console text line that are kept
  // Packets without base64 and CRC, one after another: header and body, found by their header. For
  // servers that were switched to it; console text cannot stand between.
  bool raw = false;
};

// Takes whatever comes from the line. Holds at most one packet and one line; loses at most the
// packets that garbage touches and finds its way back at the next start mark.
class ConsoleDecoder {
 public:
  using PacketOutlet = std::function<void(Bytes packet)>;         // valid during the call
  using TextOutlet = std::function<void(std::string_view line)>;  // without line end, likewise

  // Both are called from within feed(); the decoder must outlive them. `text` may be empty.
  ConsoleDecoder(ConsoleOptions options, PacketOutlet packet, TextOutlet text = {});

  void feed(Bytes received);
  // Forgets what is half received: after the line was away.
  void reset();

  // What was thrown away since the start: packets with a wrong CRC, length, or base64.
  std::uint64_t damaged() const { return damaged_; }

 private:
  enum class State {
    text,
    first_mark,      // the first byte of a start mark was seen
    continued_mark,  // likewise of a continuation's
    frame,           // base64 up to the line end
    skip,            // up to the line end, of no use
  };

  void take(char byte);
  void begin(char byte);
  void end_of_text();
  void end_of_frame();
  void finish_packet(std::size_t wanted);
  void drop_packet();
  void feed_raw(Bytes received);

  ConsoleOptions options_;
  PacketOutlet packet_outlet_;
  TextOutlet text_outlet_;
  State state_ = State::text;
  std::string line_;        // base64 of the present line, or its console text
  std::string raw_;         // decoded so far: length, packet, CRC; or the raw stream
  bool receiving_ = false;  // raw_ waits for a continuation
  std::uint64_t damaged_ = 0;
};

}  // namespace ferry::smp
