// What the client runs: one operation at a time. Internal to this room, but for the options.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "transports/smp/codes.hpp"
#include "transports/smp/packet.hpp"

namespace ferry::smp {

using TimePoint = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;

template <typename T>
using Done = std::function<void(Reply<T>)>;

// What a device can take: header included, framing not.
struct Parameters {
  std::uint64_t buffer_size = 0;   // bytes
  std::uint64_t buffer_count = 0;  // packets that it can hold
  bool told = false;               // by the device; else assumed
};

// What a client found out about its device; worth keeping while the device is away.
struct Learned {
  std::optional<Parameters> parameters;  // told last; each upload asks again
  std::size_t granule = 0;               // the device writes in units of so many bytes; 0 not known
  std::size_t window_steps = 0;          // below the full window, and below the full packet size;
  std::size_t packet_steps = 0;          // see pace.hpp
};

struct ClientOptions {
  std::uint8_t version = 0;         // of the header: 0 is SMP version 1, which every device knows
  std::uint8_t first_sequence = 0;  // random, so that an answer to another client is not ours

  // The packet size, at most `limit`, that suits the framing best: fit_console; null takes limit.
  std::size_t (*fit)(std::size_t limit) = nullptr;
  std::size_t framing = 0;  // bytes of a device's buffer that the framing needs: console_overhead

  // Assumed of devices that do not tell their parameters; and bounds for those that do.
  std::size_t assumed_buffer = 256;
  std::size_t assumed_buffers = 1;
  std::size_t packet_limit = 4096;
  std::size_t window_limit = 8;
  // On links that lose packets of any size alike (datagrams): noise does not make packets smaller.
  bool loses_whole_packets = false;
  // Behind a lost packet the device drops the rest of the window. Where packets are dear the window
  // is at most 1 + this / sqrt(share of packets lost lately); 0: losses do not shrink it.
  double window_by_losses = 0;

  // A round trip that takes longer counts as lost; measured from written(). Uploads shorten it to
  // what the device needs in fact, never below minimum_timeout.
  Milliseconds timeout{2000};
  Milliseconds minimum_timeout{200};
  int attempts = 4;  // of each request; then it ends as Outcome::no_answer
  // The first packet of an upload may make the device erase its flash before it answers.
  Milliseconds first_timeout{5000};
  Milliseconds erase_timeout{30000};
  Milliseconds busy_pause{500};  // before a request that was answered "busy" is sent again
  // An upload that came no further for so long ends, as no_answer, busy or no_memory.
  Milliseconds give_up{30000};

  Learned learned;  // from an earlier client of the same device
};

// A request that an operation wants to have sent.
struct Wanted {
  Op op = Op::read;
  std::uint16_t group = 0;
  std::uint8_t command = 0;
  std::string body;       // CBOR
  std::uint64_t tag = 0;  // by which the operation knows the answer
};

// Calls come in the order next, written, answered; answers to requests that were sent again may
// come twice, and after others.
class Operation {
 public:
  virtual ~Operation() = default;

  virtual std::optional<Wanted> next(TimePoint now) = 0;
  virtual void written(std::uint64_t tag, TimePoint now) = 0;
  virtual bool worth_writing(std::uint64_t tag) const = 0;
  virtual void answered(std::uint64_t tag, const Json& body, TimePoint now) = 0;
  virtual std::optional<TimePoint> deadline() const = 0;
  virtual void on_time(TimePoint now) = 0;

  // Ends it without an answer.
  virtual void abort(Fault fault) = 0;
  virtual bool ended() const = 0;
  // Hands the result to whoever started it. Once, after it has ended.
  virtual void complete() = 0;
};

}  // namespace ferry::smp
