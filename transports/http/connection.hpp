// One device's connection: reads requests, writes answers, and knows at every moment what has to
// happen when it ends. An answer that breaks off half way ends with a reset, never politely, also
// when this process dies: some clients take a polite end for the end of the file and flash what
// they have.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "transports/http/delivered.hpp"
#include "transports/http/exchange.hpp"
#include "transports/loop/loop.hpp"

namespace ferry::http {

using loop::Loop;
using loop::Waiter;
using loop::Watch;
using Moment = std::chrono::steady_clock::time_point;

// What all connections share.
struct Service {
  const Settings& settings;
  const plugin::Host& host;
  pull::Resolver& resolver;
  // Bytes of artifacts on their way to a socket. One is enough for all: what a socket does not take
  // is read again when it does, so slow readers hold no memory.
  std::array<std::byte, 64U << 10U> block{};
};

class Connection;

class Owner {
 public:
  // The connection is closed and may be opened again.
  virtual void closed(Connection& connection) = 0;

 protected:
  ~Owner() = default;
};

// Reused for one socket after the other. The sockets come with SO_LINGER set to 0.
class Connection final : private Waiter, private pull::Asker {
 public:
  Connection(Loop& loop, Service& service, Owner& owner);

  // Takes over a non-blocking socket.
  void open(int socket, std::string_view peer, std::uint16_t port);
  // Looks at the deadlines.
  void tick(Moment now);
  // True between two requests: nobody loses anything when it is closed.
  bool idle() const;
  // When it came into its present state, or last moved a byte in it.
  Moment since() const { return since_; }
  void close_idle();
  // The plugin stops: whatever is half way is broken off.
  void abandon();

 private:
  enum class State {
    closed,
    reading,    // waits for a request, or for the rest of one
    asking,     // waits for the agent
    sending,    // an answer is going out
    lingering,  // everything is sent, and said so; waits until the device's end closes
    settling,   // it has closed its half before; waits until the kernel got rid of the last bytes
  };
  static constexpr Duration linger_timeout = std::chrono::seconds(5);
  static constexpr Duration answer_timeout = std::chrono::seconds(10);
  // Pieces of the shared block that one connection sends before it is another's turn.
  static constexpr int blocks_a_turn = 4;

  void readable() override { advance(); }
  void writable() override { advance(); }
  void released() override { owner_.closed(*this); }
  void answered() override;

  void advance();
  bool take_request();
  bool receive();
  void begin_answer();
  bool send_some();
  bool write_piece(std::size_t& wanted, std::size_t& written);
  std::size_t load(std::uint64_t position, std::size_t most);
  bool finish_answer();
  void linger();
  void settle(bool ended);
  std::uint64_t unacknowledged() const;
  void close_in_order();
  void reset();
  void wait(State state, Duration longest);

  Service& service_;
  Owner& owner_;
  Watch watch_;
  Exchange exchange_;
  Delivered delivered_;
  State state_ = State::closed;
  Moment since_{};
  Duration longest_{};  // it may stay so
  std::string peer_;
  std::uint16_t port_ = 0;
  std::array<char, longest_request> input_;
  std::size_t filled_ = 0;    // bytes in input_
  std::size_t searched_ = 0;  // of those, bytes without the end of a header block
  std::size_t request_ = 0;   // bytes of the header block being answered
  std::uint64_t sent_ = 0;    // bytes of the answer, header included
  std::size_t piece_ = 0;     // how much the socket is likely to take at once
  bool served_ = false;       // answered a request before
  bool finished_ = false;     // our half of the connection is closed
};

}  // namespace ferry::http
