// The socket between agent and transport host: whole text messages over SOCK_SEQPACKET, cut into
// packets of at most 64 KiB, with open descriptors beside them. Message contents:
// formats/link_messages.hpp.
//
// On the wire each packet begins with the message's number and its whole length (two 32-bit words
// in the machine's order: both ends run on it). A message that needs several packets is sent
// without another such message in between; one that fits in a single packet may stand anywhere, so
// that a signal handler can send one, numbered 0, at any moment.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/result.hpp"

namespace ferry::link {

inline constexpr std::size_t header_bytes = 8;
inline constexpr std::size_t packet_bytes = 64U << 10U;   // header included
inline constexpr std::size_t message_bytes = 16U << 20U;  // longest message that can be sent
inline constexpr std::size_t descriptors_in_message = 8;

using Header = std::array<std::byte, header_bytes>;

// The header of each packet of a message of `length` bytes. Async-signal-safe.
Header header_of(std::uint32_t number, std::uint32_t length);

// Puts packets together again. No I/O; not thread-safe. After an error it must not be used any
// more.
class Assembler {
 public:
  // Messages longer than `limit` bytes are refused before they are kept.
  explicit Assembler(std::size_t limit) : limit_(limit) {}
  // The message that this packet completes, if it does. ErrorCode::invalid or too_large when the
  // other end breaks the framing.
  Result<std::optional<std::string>> take(Bytes packet);

 private:
  Result<std::optional<std::string>> go_on(std::uint32_t length, std::string_view payload);

  std::size_t limit_;
  std::optional<std::uint32_t> number_;  // of the message that is incomplete
  std::size_t length_ = 0;
  std::string text_;
};

struct Received {
  std::string text;
  std::vector<Descriptor> descriptors;  // close-on-exec
};

struct Limits {
  std::size_t incoming_bytes = message_bytes;             // a longer message is an error
  std::size_t queue_bytes = message_bytes + (4U << 20U);  // not yet taken by the socket
  std::size_t queue_messages = 1024;
  bool descriptors = true;  // false: descriptors that come are closed unseen and are an error
};

// One end. Never blocks. Not thread-safe.
class Link {
 public:
  // Takes a connected SOCK_SEQPACKET socket and makes it non-blocking and close-on-exec.
  Link(Descriptor socket, Limits limits);

  // Queues a message of 1..message_bytes bytes and sends what the socket takes. `descriptors` go
  // with it and are closed here when they are sent. ErrorCode::unavailable: the queue is full,
  // nothing was queued; cancelled: the other end is closed, though something of its own may still
  // be there to receive.
  Status send(std::string text, std::vector<Descriptor> descriptors = {});
  // Sends what the socket takes of the queue; to be called when the socket is writable and
  // sending() says that something waits.
  Status flush();
  bool sending() const { return !queue_.empty(); }

  // The next message; nothing when there is none yet. ErrorCode::cancelled: the other end is closed
  // and everything it sent was received. Other errors: it broke the framing, or the socket failed.
  Result<std::optional<Received>> receive();

  int socket() const { return socket_.get(); }

 private:
  struct Outgoing {
    std::string text;
    std::vector<Descriptor> descriptors;
    std::uint32_t number = 0;
    std::size_t sent = 0;
  };

  // Sends one packet of `message`; false when the socket takes no more now.
  Result<bool> send_packet(Outgoing& message);

  Descriptor socket_;
  Limits limits_;
  Assembler assembler_;
  std::vector<Descriptor> received_descriptors_;
  std::vector<std::byte> packet_;
  std::deque<Outgoing> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint32_t next_number_ = 1;
};

// Two connected ends, both close-on-exec.
Result<std::pair<Descriptor, Descriptor>> make_pair();

}  // namespace ferry::link
