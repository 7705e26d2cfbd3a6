// The sending side of XMODEM and YMODEM (Forsberg, "XMODEM/YMODEM Protocol Reference", 1988), for
// bootloaders that know nothing else: XMODEM with CRC-16 or, where the receiver asks by NAK, with a
// checksum; blocks of 1024 bytes where the receiver takes them; YMODEM with one file.
//
// No I/O and no clock:
//   while (auto bytes = modem.next_output()) { write them; when they are with the line:
//   written(now) } received(bytes, now);  at deadline(): on_time(now);  until ended()
// Single-threaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.hpp"

namespace ferry::serial {

// What a receiver says.
inline constexpr char modem_start_header = 0x01;       // SOH, 128 bytes follow
inline constexpr char modem_start_long_header = 0x02;  // STX, 1024 bytes follow
inline constexpr char modem_end_of_file = 0x04;        // EOT
inline constexpr char modem_acknowledge = 0x06;        // ACK
inline constexpr char modem_refuse = 0x15;             // NAK
inline constexpr char modem_cancel = 0x18;             // CAN
inline constexpr char modem_ask_crc = 'C';

struct ModemFile {
  bool batch = false;      // YMODEM
  std::string name;        // told by YMODEM
  std::uint64_t size = 0;  // bytes
  // Fills `out` with the file's bytes from `offset` on; false ends the transfer.
  std::function<bool(std::uint64_t offset, std::span<std::byte> out)> read;
};

enum class ModemEnd {
  done,         // the receiver acknowledged the end
  no_receiver,  // nobody asked for the file
  no_answer,    // silence, or errors without end
  cancelled,    // by the receiver
  unreadable,   // the file's bytes could not be read
  stopped,      // by stop()
};

class Modem {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Modem(ModemFile file, TimePoint now);

  std::optional<std::string> next_output();
  void written(TimePoint now);
  void received(Bytes bytes, TimePoint now);
  std::optional<TimePoint> deadline() const { return deadline_; }
  void on_time(TimePoint now);
  // Tells the receiver to give up. The last output follows.
  void stop();

  std::optional<ModemEnd> ended() const { return end_; }
  std::uint64_t acknowledged() const { return acknowledged_; }  // bytes of the file

 private:
  enum class State {
    starting,     // until the receiver asks for the file
    header,       // YMODEM: until it has the name
    asked_again,  // ... and asks for the content
    block,
    end_of_file,
    asked_next,    // YMODEM: for the next file
    end_of_batch,  // until it knows that there is none
  };

  void take(char byte, TimePoint now);
  void acknowledge(TimePoint now);
  void ask(bool crc);
  void send(std::string bytes);
  void send_again();
  void send_header(std::string content);
  void send_block();
  std::string framed(const std::string& content) const;
  std::uint64_t next_block_size() const;
  void finish(ModemEnd end);

  ModemFile file_;
  State state_ = State::starting;
  bool crc_ = true;
  bool long_blocks_ = true;
  std::uint8_t number_ = 1;  // of the block that is under way
  std::uint64_t acknowledged_ = 0;
  std::uint64_t under_way_ = 0;  // bytes of the file in the block that is under way
  int failures_ = 0;             // of what is under way
  int cancels_ = 0;              // in a row
  std::string sent_;             // what is under way, to be sent again
  std::string output_;
  bool writing_ = false;
  std::optional<TimePoint> deadline_;
  std::optional<ModemEnd> end_;
};

}  // namespace ferry::serial
