#include "transports/http/connection.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ferry::http {
namespace {

constexpr std::size_t least_piece = 4096;
constexpr std::byte padding_byte{0xFF};

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

Connection::Connection(Loop& loop, Service& service, Owner& owner)
    : service_(service),
      owner_(owner),
      watch_(loop, *this),
      exchange_(service.settings, service.host, service.resolver, *this) {}

void Connection::open(int socket, std::string_view peer, std::uint16_t port) {
  peer_ = peer;
  port_ = port;
  filled_ = searched_ = request_ = 0;
  served_ = finished_ = false;
  piece_ = service_.block.size();
  delivered_.reset();
  wait(State::reading, service_.settings.header_timeout);
  if (!watch_.open(socket)) {
    state_ = State::closed;
    return owner_.closed(*this);
  }
  watch_.wait_readable();
}

void Connection::wait(State state, Duration longest) {
  state_ = state;
  since_ = std::chrono::steady_clock::now();
  longest_ = longest;
}

bool Connection::idle() const {
  return (state_ == State::reading && served_ && filled_ == 0) || state_ == State::lingering ||
         state_ == State::settling;
}

void Connection::answered() {
  begin_answer();
  advance();
}

void Connection::advance() {
  for (;;) {
    switch (state_) {
      case State::closed:
      case State::asking:
      case State::settling:
        return;
      case State::reading:
        if (!take_request()) return;
        break;
      case State::sending:
        if (!send_some() || !finish_answer()) return;
        break;
      case State::lingering:
        return linger();
    }
  }
}

// True when the state is another now.
bool Connection::take_request() {
  for (;;) {
    request_ = header_end({input_.data(), filled_}, searched_);
    if (request_ > 0) break;
    searched_ = filled_;
    if (filled_ == input_.size()) {
      request_ = filled_;
      exchange_.reject_oversized();
      begin_answer();
      return true;
    }
    if (!receive()) return false;
  }
  // It asks again: what it was sent before has arrived, as far as the kernel says so too.
  if (served_) settle(true);
  wait(State::asking, answer_timeout);
  if (exchange_.begin({input_.data(), request_}, peer_, port_)) begin_answer();
  return true;
}

// False when there is nothing to read now, or the connection has ended.
bool Connection::receive() {
  const ssize_t count =
      recv(watch_.descriptor(), input_.data() + filled_, input_.size() - filled_, 0);
  if (count > 0) {
    if (filled_ == 0) wait(State::reading, service_.settings.header_timeout);
    filled_ += static_cast<std::size_t>(count);
    return true;
  }
  if (count < 0 && would_block()) {
    watch_.wait_readable();
  } else if (count == 0) {
    settle(true);
    close_in_order();
  } else {
    reset();
  }
  return false;
}

void Connection::begin_answer() {
  sent_ = 0;
  if (exchange_.for_device()) delivered_.begin(exchange_.header().size(), exchange_.body());
  wait(State::sending, service_.settings.idle_timeout);
}

// Fills the shared block with the body's bytes from `position`; 0 when they cannot be read.
std::size_t Connection::load(std::uint64_t position, std::size_t most) {
  const dialects::Body piece = dialects::slice(
      exchange_.body(), position, std::min<std::uint64_t>(most, exchange_.body_size() - position));
  const auto length = static_cast<std::size_t>(piece.length);
  if (length > 0 &&
      service_.host.read(piece.handle, piece.offset, service_.block.data(), length) != FERRY_OK) {
    // It may have been withdrawn: the next device's question goes to the agent again.
    service_.resolver.forget();
    return 0;
  }
  std::fill_n(service_.block.data() + length, static_cast<std::size_t>(piece.padding),
              padding_byte);
  return static_cast<std::size_t>(piece.size());
}

// One gathered write of what is left of the header, and of the body as much as fits the block.
// False when the bytes cannot be read.
bool Connection::write_piece(std::size_t& wanted, std::size_t& written) {
  std::array<iovec, 2> parts{};
  std::size_t count = 0;
  wanted = written = 0;
  const std::string_view header = exchange_.header();
  const auto add = [&](const void* data, std::size_t size) {
    parts[count++] = {const_cast<void*>(data), size};
    wanted += size;
  };
  if (sent_ < header.size()) add(header.data() + sent_, header.size() - sent_);
  const std::uint64_t position = sent_ < header.size() ? 0 : sent_ - header.size();
  if (!exchange_.text().empty()) {
    add(exchange_.text().data() + position, exchange_.text().size() - position);
  } else if (position < exchange_.body_size()) {
    const std::size_t loaded = load(position, piece_);
    if (loaded == 0) return false;
    add(service_.block.data(), loaded);
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  const ssize_t sent = sendmsg(watch_.descriptor(), &message, MSG_NOSIGNAL);
  if (sent < 0) return would_block();
  written = static_cast<std::size_t>(sent);
  return true;
}

// True when the whole answer is with the kernel.
bool Connection::send_some() {
  const std::uint64_t whole = exchange_.header().size() + exchange_.body_size();
  for (int turn = 0; sent_ < whole && turn < blocks_a_turn; ++turn) {
    std::size_t wanted = 0;
    std::size_t written = 0;
    if (!write_piece(wanted, written)) {
      reset();
      return false;
    }
    sent_ += written;
    delivered_.wrote(written);
    if (written > 0) since_ = std::chrono::steady_clock::now();
    if (written < wanted) {
      // What is read and not taken is read again: so read about as much as was taken.
      piece_ = std::clamp(written * 2, least_piece, service_.block.size());
      break;
    }
    piece_ = std::min(piece_ * 2, service_.block.size());
  }
  if (sent_ == whole) return true;
  settle(false);
  watch_.wait_writable();
  return false;
}

// True when the next request is there already.
bool Connection::finish_answer() {
  served_ = true;
  if (exchange_.break_off()) {
    reset();
    return false;
  }
  std::memmove(input_.data(), input_.data() + request_, filled_ - request_);
  filled_ -= request_;
  searched_ = 0;
  if (exchange_.close()) {
    finished_ = shutdown(watch_.descriptor(), SHUT_WR) == 0;
    wait(State::lingering, linger_timeout);
  } else if (filled_ > 0) {
    wait(State::reading, service_.settings.header_timeout);
    return true;
  } else {
    wait(State::reading, service_.settings.idle_timeout);
  }
  // Nothing can be there yet, so there is no use in looking.
  watch_.wait_readable();
  return false;
}

// Waits until the device's end closes, for an earlier close would tear away what it has not read.
void Connection::linger() {
  const ssize_t count = recv(watch_.descriptor(), input_.data(), input_.size(), 0);
  if (count > 0 || (count < 0 && would_block())) {
    watch_.wait_readable();
  } else if (count < 0) {
    reset();
  } else if (unacknowledged() > 0) {
    wait(State::settling, linger_timeout);
  } else {
    settle(true);
    close_in_order();
  }
}

std::uint64_t Connection::unacknowledged() const {
  int bytes = 0;
  if (ioctl(watch_.descriptor(), SIOCOUTQ, &bytes) != 0) return UINT64_MAX;
  // The end of our half counts as one more byte.
  if (finished_ && bytes > 0) --bytes;
  return static_cast<std::uint64_t>(bytes);
}

void Connection::settle(bool ended) {
  delivered_.settle(unacknowledged(), ended,
                    [this](std::uint64_t handle, std::uint64_t offset, std::uint64_t length) {
                      service_.host.progress(exchange_.device(), handle, offset, length);
                    });
}

void Connection::tick(Moment now) {
  if (state_ == State::settling && unacknowledged() == 0) {
    settle(true);
    return close_in_order();
  }
  if (state_ == State::closed || now - since_ < longest_) return;
  switch (state_) {
    case State::asking:
      exchange_.give_up_waiting();
      begin_answer();
      return advance();
    case State::sending:
      return reset();
    default:
      // Silent since it was sent everything: it counts when its end has acknowledged all.
      if (unacknowledged() == 0) settle(true);
      return close_in_order();
  }
}

void Connection::close_idle() {
  if (unacknowledged() == 0) settle(true);
  close_in_order();
}

void Connection::abandon() {
  if (state_ != State::closed) reset();
}

// Ends without a reset: everything was sent.
void Connection::close_in_order() {
  const struct linger polite { 0, 0 };
  setsockopt(watch_.descriptor(), SOL_SOCKET, SO_LINGER, &polite, sizeof polite);
  state_ = State::closed;
  exchange_.drop();
  watch_.close();
}

// Ends with a reset: the socket lingers for 0 seconds.
void Connection::reset() {
  state_ = State::closed;
  exchange_.drop();
  watch_.close();
}

}  // namespace ferry::http
