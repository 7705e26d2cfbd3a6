// Sends a signed container of yaota8266 packet by packet, each when the one before was
// acknowledged. Pure: no I/O, no clock.
//
//   while (auto packet = sender.next_output(now)) { send it; }
//   each datagram from the device:    sender.received(datagram, now);
//   at sender.deadline():             sender.on_time(now);
//
// A device takes a session only from its beginning. It forgets one that stands still for some
// seconds, so a first packet that it does not like at once is sent until it has.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "formats/yaota.hpp"
#include "transports/udp/rto.hpp"

namespace ferry::udp {

enum class YaotaEnd {
  done,        // all is acknowledged, and the device was told the end
  no_device,   // nobody took the first packet: it is not in its bootloader
  no_answer,   // it fell silent on the way
  unreadable,  // here
  stopped,
};

struct YaotaFile {
  std::uint64_t size = 0;  // bytes of the container, which was checked when it was taken in
  std::function<bool(std::uint64_t offset, std::span<std::byte> out)> read;
};

struct YaotaCounts {
  std::uint64_t packets = 0;   // given out
  std::uint64_t repeated = 0;  // of these, sent before
};

class YaotaSender {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Milliseconds = std::chrono::milliseconds;

  YaotaSender(YaotaFile file, Milliseconds first_wait, TimePoint now);

  std::optional<std::string> next_output(TimePoint now);
  void received(Bytes datagram, TimePoint now);
  std::optional<TimePoint> deadline() const;
  void on_time(TimePoint now);
  void stop() { end(YaotaEnd::stopped); }

  std::optional<YaotaEnd> ended() const { return ended_; }
  std::uint64_t acknowledged() const { return acknowledged_; }  // bytes of the container
  const YaotaCounts& counts() const { return counts_; }

 private:
  void end(YaotaEnd how) {
    if (!ended_) ended_ = how;
  }
  bool load();
  void advance();

  YaotaFile file_;
  RetransmissionTimer timer_;
  std::uint64_t position_ = formats::yaota_magic_size;  // of the packet, its size in front
  std::string packet_;
  formats::YaotaPacket head_;
  bool to_be_sent_ = true;
  int times_sent_ = 0;  // this packet
  TimePoint sent_at_;
  TimePoint since_;     // this packet is the next one
  bool begun_ = false;  // the device took something
  std::uint64_t acknowledged_ = 0;
  std::optional<YaotaEnd> ended_;
  YaotaCounts counts_;
};

}  // namespace ferry::udp
