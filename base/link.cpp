#include "base/link.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ferry::link {
namespace {

constexpr std::size_t payload_bytes = packet_bytes - header_bytes;
constexpr std::size_t control_bytes = CMSG_SPACE(sizeof(int) * descriptors_in_message);

// Takes the descriptors out of a received packet, so that none is leaked whatever follows.
void collect_descriptors(msghdr& message, std::vector<Descriptor>& into) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      into.emplace_back(fd);
    }
  }
}

Failure closed() {
  return fail(ErrorCode::cancelled, "link: closed by the other end");
}

}  // namespace

Header header_of(std::uint32_t number, std::uint32_t length) {
  Header header;
  std::memcpy(header.data(), &number, sizeof number);
  std::memcpy(header.data() + sizeof number, &length, sizeof length);
  return header;
}

Result<std::optional<std::string>> Assembler::take(Bytes packet) {
  if (packet.size() <= header_bytes) {
    return fail(ErrorCode::invalid,
                "link: a packet of " + std::to_string(packet.size()) + " bytes");
  }
  std::uint32_t number = 0;
  std::uint32_t length = 0;
  std::memcpy(&number, packet.data(), sizeof number);
  std::memcpy(&length, packet.data() + sizeof number, sizeof length);
  const std::string_view payload = as_text(packet.subspan(header_bytes));
  if (length > limit_) {
    return fail(ErrorCode::too_large, "link: a message of " + std::to_string(length) +
                                          " bytes, more than " + std::to_string(limit_));
  }
  if (number_ == number) return go_on(length, payload);
  if (payload.size() == length) return std::optional<std::string>(std::string(payload));
  if (number_) return fail(ErrorCode::invalid, "link: two messages mixed");
  if (payload.size() > length) return fail(ErrorCode::invalid, "link: a packet beyond its message");
  number_ = number;
  length_ = length;
  text_.reserve(length);
  text_ = payload;
  return std::optional<std::string>();
}

Result<std::optional<std::string>> Assembler::go_on(std::uint32_t length,
                                                    std::string_view payload) {
  if (length != length_ || payload.size() > length_ - text_.size()) {
    return fail(ErrorCode::invalid, "link: a packet that does not fit its message");
  }
  text_.append(payload);
  if (text_.size() < length_) return std::optional<std::string>();
  number_.reset();
  return std::optional<std::string>(std::exchange(text_, {}));
}

Link::Link(Descriptor socket, Limits limits)
    : socket_(std::move(socket)),
      limits_(limits),
      assembler_(limits.incoming_bytes),
      packet_(packet_bytes) {
  ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
  ::fcntl(socket_.get(), F_SETFD, FD_CLOEXEC);
}

Status Link::send(std::string text, std::vector<Descriptor> descriptors) {
  if (text.empty() || text.size() > message_bytes || descriptors.size() > descriptors_in_message) {
    return fail(ErrorCode::too_large,
                "link: a message of " + std::to_string(text.size()) + " bytes cannot be sent");
  }
  if (queue_.size() >= limits_.queue_messages ||
      queued_bytes_ + text.size() > limits_.queue_bytes) {
    return fail(ErrorCode::unavailable, "link: the other end does not read; " +
                                            std::to_string(queue_.size()) + " messages wait");
  }
  queued_bytes_ += text.size();
  queue_.push_back(Outgoing{std::move(text), std::move(descriptors), next_number_, 0});
  if (++next_number_ == 0) next_number_ = 1;  // 0 is left to signal handlers
  return flush();
}

Status Link::flush() {
  while (!queue_.empty()) {
    Outgoing& message = queue_.front();
    const Result<bool> taken = send_packet(message);
    if (!taken) return fail(taken.error());
    if (!*taken) return {};
    if (message.sent == message.text.size()) {
      queued_bytes_ -= message.text.size();
      queue_.pop_front();
    }
  }
  return {};
}

Result<bool> Link::send_packet(Outgoing& message) {
  Header header = header_of(message.number, static_cast<std::uint32_t>(message.text.size()));
  const std::size_t size = std::min(payload_bytes, message.text.size() - message.sent);
  iovec parts[2] = {{header.data(), header.size()}, {message.text.data() + message.sent, size}};
  alignas(cmsghdr) char control[control_bytes] = {};
  msghdr packet{};
  packet.msg_iov = parts;
  packet.msg_iovlen = 2;
  const std::size_t count = message.descriptors.size();
  if (count > 0) {  // they go with the first packet and are gone afterwards
    packet.msg_control = control;
    packet.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* part = CMSG_FIRSTHDR(&packet);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (std::size_t i = 0; i < count; ++i) {
      const int fd = message.descriptors[i].get();
      std::memcpy(CMSG_DATA(part) + i * sizeof fd, &fd, sizeof fd);
    }
  }
  while (::sendmsg(socket_.get(), &packet, MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return false;
    if (errno == EPIPE || errno == ECONNRESET) return closed();
    return fail_errno(errno, "link: send");
  }
  message.descriptors.clear();
  message.sent += size;
  return true;
}

Result<std::optional<Received>> Link::receive() {
  for (;;) {
    iovec whole{packet_.data(), packet_.size()};
    alignas(cmsghdr) char control[control_bytes];
    msghdr packet{};
    packet.msg_iov = &whole;
    packet.msg_iovlen = 1;
    packet.msg_control = limits_.descriptors ? control : nullptr;
    packet.msg_controllen = limits_.descriptors ? sizeof control : 0;
    const ssize_t size = ::recvmsg(socket_.get(), &packet, MSG_CMSG_CLOEXEC);
    if (size < 0) {
      // ECONNRESET, told once: the other end closed while messages of ours were unread there. What
      // it sent before is still to be received.
      if (errno == EINTR || errno == ECONNRESET) continue;
      if (errno == EAGAIN) return std::optional<Received>();
      return fail_errno(errno, "link: receive");
    }
    collect_descriptors(packet, received_descriptors_);
    // A packet without bytes cannot be told from the end; nobody who keeps to the framing sends
    // one.
    if (size == 0) return closed();
    if ((packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
        received_descriptors_.size() > descriptors_in_message) {
      return fail(ErrorCode::too_large, "link: a packet of more than " +
                                            std::to_string(packet_bytes) +
                                            " bytes, or with descriptors that nobody wants");
    }
    auto message = assembler_.take({packet_.data(), static_cast<std::size_t>(size)});
    if (!message) return fail(message.error());
    if (!*message) continue;
    Received received{std::move(**message), std::exchange(received_descriptors_, {})};
    return std::optional<Received>(std::move(received));
  }
}

Result<std::pair<Descriptor, Descriptor>> make_pair() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail_errno(errno, "link: socketpair");
  }
  return std::pair<Descriptor, Descriptor>(Descriptor(ends[0]), Descriptor(ends[1]));
}

}  // namespace ferry::link
