// The sending side of XMODEM and YMODEM, byte by byte, in a time that the test keeps.
#include "transports/serial/modem.hpp"

#include <gtest/gtest.h>

#include "transports/smp/console.hpp"

namespace ferry::serial {
namespace {

using std::chrono::seconds;

constexpr char ack = modem_acknowledge;
constexpr char nak = modem_refuse;

std::string content_of(std::size_t size) {
  std::string content(size, 0);
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7 + i / 251);
  return content;
}

class Sender {
 public:
  explicit Sender(std::string content, bool batch = false)
      : content_(std::move(content)), modem_(file(batch), now_) {}

  // The receiver says something; what is sent then.
  std::string say(std::string_view bytes) {
    modem_.received(as_bytes(bytes), now_);
    return sent();
  }
  std::string say(char byte) { return say(std::string_view(&byte, 1)); }
  // Nobody says anything for so long.
  std::string wait(seconds time) {
    now_ += time;
    modem_.on_time(now_);
    return sent();
  }
  std::string sent() {
    std::string all;
    while (const auto bytes = modem_.next_output()) {
      all += *bytes;
      modem_.written(now_);
    }
    return all;
  }
  Modem& modem() { return modem_; }
  void lose_the_file() { readable_ = false; }

 private:
  ModemFile file(bool batch) {
    ModemFile file;
    file.batch = batch;
    file.name = "image.bin";
    file.size = content_.size();
    file.read = [this](std::uint64_t offset, std::span<std::byte> out) {
      const Bytes part = as_bytes(content_).subspan(offset, out.size());
      std::copy(part.begin(), part.end(), out.begin());
      return readable_;
    };
    return file;
  }

  std::string content_;
  bool readable_ = true;
  Modem::TimePoint now_{};
  Modem modem_;
};

// A block as the reference describes it, with CRC.
std::string block(std::uint8_t number, std::string content, std::size_t size, char filler = 0x1A) {
  content.resize(size, filler);
  std::string bytes;
  bytes += size == 1024 ? modem_start_long_header : modem_start_header;
  bytes += static_cast<char>(number);
  bytes += static_cast<char>(255 - number);
  bytes += content;
  const std::uint16_t crc = smp::crc16(as_bytes(content));
  bytes += static_cast<char>(crc / 256);
  bytes += static_cast<char>(crc % 256);
  return bytes;
}

const std::string end_of_file(1, modem_end_of_file);

TEST(Modem, SaysNothingUntilItIsAsked) {
  Sender sender(content_of(100));
  EXPECT_EQ(sender.sent(), "");
  EXPECT_EQ(sender.wait(seconds(30)), "");
  EXPECT_FALSE(sender.modem().ended());
  EXPECT_EQ(sender.wait(seconds(31)), "");
  EXPECT_EQ(sender.modem().ended(), ModemEnd::no_receiver);
}

TEST(Modem, XmodemWithCrcSendsLongBlocksAndAShortTail) {
  const std::string content = content_of(1024 + 130);
  Sender sender(content);
  EXPECT_EQ(sender.say('C'), block(1, content.substr(0, 1024), 1024));
  EXPECT_EQ(sender.say(ack), block(2, content.substr(1024, 128), 128));
  EXPECT_EQ(sender.modem().acknowledged(), 1024U);
  EXPECT_EQ(sender.say(ack), block(3, content.substr(1152), 128));
  EXPECT_EQ(sender.say(ack), end_of_file);
  EXPECT_EQ(sender.modem().acknowledged(), content.size());
  EXPECT_EQ(sender.say(ack), "");
  EXPECT_EQ(sender.modem().ended(), ModemEnd::done);
}

TEST(Modem, XmodemWithChecksumSendsShortBlocks) {
  const std::string content = content_of(200);
  Sender sender(content);
  const std::string first = sender.say(nak);
  ASSERT_EQ(first.size(), 132U);
  EXPECT_EQ(first.substr(0, 3), std::string({0x01, 0x01, static_cast<char>(0xFE)}));
  EXPECT_EQ(first.substr(3, 128), content.substr(0, 128));
  unsigned sum = 0;
  for (const char c : content.substr(0, 128)) sum += static_cast<unsigned char>(c);
  EXPECT_EQ(static_cast<unsigned char>(first.back()), sum % 256);
}

TEST(Modem, ARefusedBlockIsSentAgain) {
  const std::string content = content_of(3000);
  Sender sender(content);
  const std::string first = sender.say('C');
  EXPECT_EQ(sender.say(nak), first);
  EXPECT_NE(sender.say(ack), first);
}

TEST(Modem, SilenceIsMetByTheSameBlock) {
  Sender sender(content_of(3000));
  const std::string first = sender.say('C');
  EXPECT_EQ(sender.wait(seconds(9)), "");
  EXPECT_EQ(sender.wait(seconds(1)), first);
}

TEST(Modem, AReceiverThatStartsTheFileWithoutAnsweringItsEndHasIt) {
  Sender sender(content_of(100));
  sender.say('C');
  EXPECT_EQ(sender.say(ack), end_of_file);
  EXPECT_EQ(sender.wait(seconds(11)), end_of_file);
  EXPECT_EQ(sender.wait(seconds(11)), end_of_file);
  EXPECT_FALSE(sender.modem().ended());
  EXPECT_EQ(sender.wait(seconds(11)), "");
  EXPECT_EQ(sender.modem().ended(), ModemEnd::done);
}

TEST(Modem, ABlockThatNobodyEverTakesEndsIt) {
  Sender sender(content_of(3000));
  sender.say('C');
  sender.say(ack);
  for (int i = 0; i < 9; ++i) EXPECT_NE(sender.say(nak), "") << i;
  EXPECT_EQ(sender.say(nak), std::string(8, modem_cancel));
  EXPECT_EQ(sender.modem().ended(), ModemEnd::no_answer);
}

TEST(Modem, AReceiverOfShortBlocksOnlyGetsThem) {
  const std::string content = content_of(3000);
  Sender sender(content);
  sender.say('C');
  sender.say(nak);
  sender.say(nak);
  EXPECT_EQ(sender.say(nak), block(1, content.substr(0, 128), 128));
  EXPECT_EQ(sender.say(ack), block(2, content.substr(128, 128), 128));
}

TEST(Modem, AnAnswerToSomethingOlderIsNotHeard) {
  Sender sender(content_of(4000));
  sender.say('C');
  // Two for one block: the second meets the next block before it has left.
  sender.modem().received(as_bytes(std::string({ack, ack})), Modem::TimePoint());
  EXPECT_EQ(sender.modem().acknowledged(), 1024U);
  sender.sent();
  EXPECT_EQ(sender.modem().acknowledged(), 1024U);
}

TEST(Modem, ReceiversThatAskInAdvanceAreNotSentTwice) {
  Sender sender(content_of(4000));
  EXPECT_NE(sender.say("CCC"), "");
  EXPECT_EQ(sender.say("CC"), "");
}

TEST(Modem, YmodemTellsNameAndLengthAndEndsTheBatch) {
  const std::string content = content_of(1500);
  Sender sender(content, true);
  EXPECT_EQ(sender.say('C'), block(0,
                                   std::string("image.bin\0"
                                               "1500 0 0 0",
                                               20),
                                   128, '\0'));
  EXPECT_EQ(sender.say(ack), "");
  EXPECT_EQ(sender.say('C'), block(1, content.substr(0, 1024), 1024));
  EXPECT_EQ(sender.say(ack), block(2, content.substr(1024, 128), 128));
  EXPECT_NE(sender.say(ack), "");
  EXPECT_NE(sender.say(ack), "");
  EXPECT_NE(sender.say(ack), end_of_file) << "1024 + 3 · 128 is less than 1500";
  EXPECT_EQ(sender.modem().acknowledged(), 1024U + 3 * 128U);
  EXPECT_EQ(sender.say(ack), end_of_file);
  EXPECT_EQ(sender.say(nak), end_of_file) << "the first end is refused, to be sure";
  EXPECT_EQ(sender.say(ack), "");
  EXPECT_EQ(sender.say('C'), block(0, "", 128, '\0'));
  EXPECT_FALSE(sender.modem().ended());
  EXPECT_EQ(sender.say(ack), "");
  EXPECT_EQ(sender.modem().ended(), ModemEnd::done);
}

TEST(Modem, AReceiverThatAsksForNoOtherFileIsDone) {
  Sender sender(content_of(10), true);
  sender.say('C');
  sender.say(ack);
  sender.say('C');
  EXPECT_EQ(sender.say(ack), end_of_file);
  sender.say(ack);
  EXPECT_FALSE(sender.modem().ended());
  sender.wait(seconds(3));
  EXPECT_EQ(sender.modem().ended(), ModemEnd::done);
}

TEST(Modem, TheReceiverCancelsByTwo) {
  Sender sender(content_of(3000));
  sender.say('C');
  sender.say(modem_cancel);
  EXPECT_FALSE(sender.modem().ended());
  sender.say("x");
  sender.say(modem_cancel);
  EXPECT_FALSE(sender.modem().ended());
  sender.say(modem_cancel);
  EXPECT_EQ(sender.modem().ended(), ModemEnd::cancelled);
}

TEST(Modem, AFileThatCannotBeReadIsCancelled) {
  Sender sender(content_of(3000));
  sender.say('C');
  sender.lose_the_file();
  EXPECT_EQ(sender.say(ack), std::string(8, modem_cancel));
  EXPECT_EQ(sender.modem().ended(), ModemEnd::unreadable);
}

TEST(Modem, BlockNumbersGoRoundAfter255) {
  const std::string content = content_of(300 * 128);
  Sender sender(content);
  std::string last = sender.say(nak);
  for (int i = 1; i < 300; ++i) last = sender.say(ack);
  EXPECT_EQ(static_cast<unsigned char>(last[1]), 300 % 256);
  EXPECT_EQ(last.substr(3, 128), content.substr(299 * 128, 128));
}

TEST(Modem, AnEmptyFileIsItsEndAlone) {
  Sender sender("");
  EXPECT_EQ(sender.say('C'), end_of_file);
  sender.say(ack);
  EXPECT_EQ(sender.modem().ended(), ModemEnd::done);
}

}  // namespace
}  // namespace ferry::serial
