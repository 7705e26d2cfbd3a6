// How long a transfer over Bluetooth LE takes on the air: a model of one connection's link layer
// (Bluetooth Core 5.3, volume 6, part B, sections 2.1 and 4.5), since no virtual controller keeps a
// radio's time. Pure: time is the caller's own, in microseconds from the connection's first event.
//
// Both ends exchange packets in pairs, central first, the inter frame space after each. An event
// begins each interval with one pair, and goes on while either end said in its last packet that it
// has more, until the controllers' limit of pairs or the next event. What the upper layer sends is
// split into ATT packets of the MTU (write without response, notification: 3 bytes of header), each
// with L2CAP's header of 4 bytes, and these into data packets of the data length. Nothing is lost,
// and neither host nor controller takes any time of its own: real radios are slower by that.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace ferry::airtime {

using Microseconds = std::chrono::microseconds;

enum class Phy { le_1m, le_2m };
enum class Side : std::uint8_t { central = 0, peripheral = 1 };

struct Radio {
  Phy phy = Phy::le_2m;
  Microseconds interval{15000};   // 7.5 ms … 4 s
  std::size_t data_length = 251;  // payload of a data packet: 27 … 251
  std::size_t mtu = 247;          // ATT's: 23 … 517
  int pairs = 6;                  // of packets in an event, at most; 0: as many as fit
  bool encrypted = true;          // 4 bytes more in each packet that is not empty
};

// One data packet of the link layer with so many bytes of payload.
Microseconds packet_time(const Radio& radio, std::size_t payload);

struct Arrival {
  Side from = Side::central;
  std::uint64_t number = 0;  // of what this side sent, from 0
  Microseconds at{0};        // the last byte
};

class AirLink {
 public:
  explicit AirLink(Radio radio) : radio_(radio) {}

  // Something of the upper layer, `bytes` > 0 long, that the controller has from `ready` on, after
  // all that this side sent before.
  void send(Side from, std::size_t bytes, Microseconds ready);
  bool idle() const { return queues_[0].empty() && queues_[1].empty(); }
  // Until when nothing has been exchanged yet; never earlier than the last arrival.
  Microseconds now() const { return now_; }
  // When the next pair is exchanged if nothing else is sent; nothing while idle.
  std::optional<Microseconds> next() const;
  // The next pair; what arrived whole by it.
  std::vector<Arrival> exchange();

 private:
  struct Piece {
    std::size_t payload = 0;
    Microseconds ready{0};
    bool last = false;  // of what the upper layer sent
  };

  bool has_data(Side side, Microseconds at) const { return payload_of(side, at) > 0; }
  std::size_t payload_of(Side side, Microseconds at) const;
  Microseconds say(Side side, Microseconds at, std::vector<Arrival>& arrivals);

  Radio radio_;
  std::array<std::deque<Piece>, 2> queues_;
  std::array<std::uint64_t, 2> arrived_{};
  Microseconds now_{0};
  Microseconds event_{0};  // the present event's beginning
  int pairs_ = 0;          // exchanged in it
  bool more_ = false;      // either end said so in the last pair
};

// What the link carries at most of what the upper layer sends in one direction, in bytes a second.
double capacity(const Radio& radio);

// A transfer as it was seen: what each side sent, in order.
struct Sent {
  Side from = Side::central;
  std::size_t bytes = 0;
  // Which of the others had to arrive first, by its place in the trace; and how long the sender
  // took from there.
  std::optional<std::size_t> after;
  Microseconds pause{0};
};
// From the first packet's start to the last one's end. A trace in which something waits for what
// comes later in it has no end: nothing then.
std::optional<Microseconds> air_time(const Radio& radio, std::span<const Sent> trace);

}  // namespace ferry::airtime
