// The link over real sockets.
#include "base/link.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ferry::link {
namespace {

struct Ends {
  explicit Ends(Limits left_limits = {}, Limits right_limits = {})
      : Ends(make_pair(), left_limits, right_limits) {}
  Ends(Result<std::pair<Descriptor, Descriptor>> pair, Limits left_limits, Limits right_limits)
      : left(std::move(pair->first), left_limits), right(std::move(pair->second), right_limits) {}
  Link left;
  Link right;
};

// The next message, sending what `sender` still has meanwhile.
std::string next(Link& receiver, Link& sender) {
  for (int attempt = 0; attempt < 10000; ++attempt) {
    EXPECT_TRUE(sender.flush());
    auto message = receiver.receive();
    if (!message) return "error: " + message.error().message;
    if (*message) return (*message)->text;
  }
  return "nothing came";
}

std::string pattern(std::size_t size) {
  std::string text(size, 0);
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 31 + i / 977) % 26);
  return text;
}

TEST(Link, MessagesOfEverySizeArriveWholeAndInOrder) {
  Ends ends;
  const std::size_t payload = packet_bytes - header_bytes;
  for (const std::size_t size : {std::size_t{1}, payload - 1, payload, payload + 1, 2 * payload,
                                 std::size_t{300000}, message_bytes}) {
    ASSERT_TRUE(ends.left.send(pattern(size)));
    EXPECT_EQ(next(ends.right, ends.left), pattern(size)) << size;
  }
}

TEST(Link, NothingToReceiveIsNoError) {
  Ends ends;
  auto message = ends.right.receive();
  ASSERT_TRUE(message);
  EXPECT_FALSE(*message);
}

TEST(Link, EmptyAndOverlongMessagesCannotBeSent) {
  Ends ends;
  EXPECT_FALSE(ends.left.send(""));
  EXPECT_FALSE(ends.left.send(std::string(message_bytes + 1, 'x')));
}

TEST(Link, ALongerMessageThanAllowedIsRefused) {
  Limits small;
  small.incoming_bytes = 1000;
  Ends ends({}, small);
  ASSERT_TRUE(ends.left.send(pattern(1001)));
  auto message = ends.right.receive();
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, ErrorCode::too_large);
}

TEST(Link, TheQueueIsBoundedInMessages) {
  Limits small;
  small.queue_messages = 10;
  Ends ends(small, {});
  Status status;
  int sent = 0;
  while ((status = ends.left.send("small"))) ASSERT_LT(++sent, 100000);
  EXPECT_EQ(status.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(ends.left.sending());
  for (int i = 0; i < sent; ++i) EXPECT_EQ(next(ends.right, ends.left), "small");
  EXPECT_FALSE(ends.left.sending());
  EXPECT_TRUE(ends.left.send("again"));
}

TEST(Link, TheQueueIsBoundedInBytes) {
  Limits small;
  small.queue_bytes = 2U << 20U;
  Ends ends(small, {});
  ASSERT_TRUE(ends.left.send(pattern(1U << 20U)));
  ASSERT_TRUE(ends.left.send(pattern(1U << 20U)));
  EXPECT_FALSE(ends.left.send(pattern(1000)));
}

TEST(Link, DescriptorsComeWithTheirMessage) {
  Ends ends;
  int pipe_ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const Descriptor reading(pipe_ends[0]);
  std::vector<Descriptor> given;
  given.emplace_back(pipe_ends[1]);
  ASSERT_TRUE(ends.left.send(pattern(200000), std::move(given)));
  ASSERT_TRUE(ends.left.send("next"));
  Result<std::optional<Received>> received = std::optional<Received>();
  while (received && !*received) {
    ASSERT_TRUE(ends.left.flush());
    received = ends.right.receive();
  }
  ASSERT_TRUE(received);
  ASSERT_EQ((*received)->descriptors.size(), 1U);
  const int fd = (*received)->descriptors[0].get();
  EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
  ASSERT_EQ(::write(fd, "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(reading.get(), &byte, 1), 1);
  ASSERT_TRUE(ends.left.flush());
  received = ends.right.receive();
  ASSERT_TRUE(received && *received);
  EXPECT_TRUE((*received)->descriptors.empty());
}

TEST(Link, UnwantedDescriptorsAreAnErrorAndClosed) {
  Limits none;
  none.descriptors = false;
  Ends ends({}, none);
  int pipe_ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const Descriptor reading(pipe_ends[0]);
  std::vector<Descriptor> given;
  given.emplace_back(pipe_ends[1]);
  ASSERT_TRUE(ends.left.send("take this", std::move(given)));
  auto message = ends.right.receive();
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, ErrorCode::too_large);
  char byte = 0;
  EXPECT_EQ(::read(reading.get(), &byte, 1), 0) << "the writing end is still open somewhere";
}

TEST(Link, AnOversizedPacketIsNoticed) {
  Ends ends;
  const std::string huge(packet_bytes + 1, 'x');
  ASSERT_GT(::send(ends.left.socket(), huge.data(), huge.size(), 0), 0);
  auto message = ends.right.receive();
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, ErrorCode::too_large);
}

TEST(Link, TheOtherEndsCloseIsTold) {
  auto ends = std::make_unique<Ends>();
  Link right = std::move(ends->right);
  ends.reset();
  auto message = right.receive();
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, ErrorCode::cancelled);
  const Status sent = right.send("too late");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::cancelled);
}

TEST(Link, LastWordsAreReceivedAlthoughTheSenderLeftOursUnread) {
  auto ends = std::make_unique<Ends>();
  Link right = std::move(ends->right);
  ASSERT_TRUE(right.send("unread"));
  ASSERT_TRUE(ends->left.send("last words"));
  ends.reset();
  auto message = right.receive();
  ASSERT_TRUE(message) << message.error().message;
  ASSERT_TRUE(*message);
  EXPECT_EQ((*message)->text, "last words");
  message = right.receive();
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace ferry::link
