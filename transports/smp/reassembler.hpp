// Packets put together from pieces of links that split them without framing of their own (BLE's
// characteristics and channels): the header's length tells where one ends. Pure; one for each link.
#pragma once

#include <functional>
#include <string>

#include "transports/smp/packet.hpp"

namespace ferry::smp {

class Reassembler {
 public:
  // `limit`: of a packet, header included; a longer one is none, see feed().
  explicit Reassembler(std::function<void(Bytes)> packet, std::size_t limit = packet_limit)
      : packet_(std::move(packet)), limit_(limit) {}

  // Calls back for each packet that is whole by it. After a header that is beyond the limit, the
  // rest of the piece is left out, and the next piece is taken for a packet's beginning; so a
  // sender that begins each packet with a piece of its own is understood again.
  void feed(Bytes piece);
  // What came of a packet that is not whole is forgotten: the link is new, or nothing came for
  // long.
  void reset() { held_.clear(); }
  bool between_packets() const { return held_.empty(); }

 private:
  std::function<void(Bytes)> packet_;
  std::size_t limit_;
  std::string held_;
};

}  // namespace ferry::smp
