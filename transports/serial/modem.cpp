#include "transports/serial/modem.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "transports/smp/console.hpp"

namespace ferry::serial {
namespace {

using std::chrono::seconds;

constexpr seconds start_patience{60};  // a person may have to start the bootloader
constexpr seconds answer_patience{10};
constexpr seconds batch_patience{3};  // receivers that take one file only ask for no other
constexpr int most_failures = 10;
constexpr int most_ends = 3;  // unanswered, of a file whose every block was acknowledged
constexpr int failures_of_long_blocks = 3;  // of the first one, then it is tried with a short one
constexpr int cancels_in_a_row = 2;         // a single one may be noise
constexpr std::size_t short_block = 128;
constexpr std::size_t long_block = 1024;
constexpr char filler = 0x1A;  // behind the file's end, as CP/M did

std::string padded(std::string content, std::size_t size, char with) {
  content.resize(size, with);
  return content;
}

}  // namespace

Modem::Modem(ModemFile file, TimePoint now)
    : file_(std::move(file)), deadline_(now + start_patience) {}

std::optional<std::string> Modem::next_output() {
  if (output_.empty()) return std::nullopt;
  writing_ = true;
  return std::exchange(output_, {});
}

void Modem::written(TimePoint now) {
  writing_ = false;
  if (!end_) deadline_ = now + (state_ == State::asked_next ? batch_patience : answer_patience);
}

void Modem::received(Bytes bytes, TimePoint now) {
  for (const std::byte byte : bytes) {
    if (end_) return;
    take(static_cast<char>(byte), now);
  }
}

void Modem::take(char byte, TimePoint now) {
  cancels_ = byte == modem_cancel ? cancels_ + 1 : 0;
  if (cancels_ == cancels_in_a_row) return finish(ModemEnd::cancelled);
  // An answer to what has not left yet is one to something older that was sent twice.
  if (writing_ || !output_.empty()) return;
  switch (byte) {
    case modem_ask_crc:
      return ask(true);
    case modem_refuse:
      if (state_ == State::starting) return ask(false);
      return send_again();
    case modem_acknowledge:
      return acknowledge(now);
    default:
      return;
  }
}

// The receiver asks for something to be sent. Those of its questions that came late are not heard.
void Modem::ask(bool crc) {
  if (state_ == State::starting) {
    crc_ = crc;
    long_blocks_ = crc;
    if (!file_.batch) return send_block();
    state_ = State::header;
    // Length in decimal; date, mode and number unknown.
    send_header(fmt::format("{}{}{} 0 0 0", file_.name, '\0', file_.size));
  } else if (state_ == State::asked_again) {
    send_block();
  } else if (state_ == State::asked_next) {
    state_ = State::end_of_batch;
    send_header("");
  }
}

void Modem::acknowledge(TimePoint now) {
  failures_ = 0;
  switch (state_) {
    case State::header:
      state_ = State::asked_again;
      deadline_ = now + start_patience;
      return;
    case State::block:
      acknowledged_ += under_way_;
      ++number_;
      return send_block();
    case State::end_of_file:
      if (!file_.batch) return finish(ModemEnd::done);
      state_ = State::asked_next;
      deadline_ = now + batch_patience;
      return;
    case State::end_of_batch:
      return finish(ModemEnd::done);
    default:
      return;
  }
}

void Modem::on_time(TimePoint now) {
  if (end_ || !deadline_ || now < *deadline_) return;
  deadline_.reset();
  switch (state_) {
    case State::starting:
      return finish(ModemEnd::no_receiver);
    case State::asked_again:
      return finish(ModemEnd::no_answer);
    case State::asked_next:
    case State::end_of_batch:
      return finish(ModemEnd::done);  // the file's end was acknowledged
    case State::end_of_file:
      // It has the file; one that starts it at once answers no more, or its answer was lost.
      if (acknowledged_ > 0 && failures_ + 1 == most_ends) return finish(ModemEnd::done);
      return send_again();
    default:
      return send_again();
  }
}

void Modem::send(std::string bytes) {
  sent_ = bytes;
  output_ = std::move(bytes);
  deadline_.reset();  // set when it is written
}

void Modem::send_again() {
  if (sent_.empty() || state_ == State::starting) return;
  if (++failures_ == most_failures) {
    stop();
    return finish(ModemEnd::no_answer);
  }
  // Some bootloaders know short blocks only.
  const bool first = state_ == State::block && acknowledged_ == 0;
  if (first && long_blocks_ && !file_.batch && failures_ == failures_of_long_blocks) {
    long_blocks_ = false;
    return send_block();
  }
  output_ = sent_;
  deadline_.reset();
}

void Modem::send_header(std::string content) {
  number_ = 0;
  const std::size_t size = content.size() <= short_block ? short_block : long_block;
  send(framed(padded(std::move(content), size, '\0')));
  number_ = 1;
}

std::uint64_t Modem::next_block_size() const {
  const std::uint64_t left = file_.size - acknowledged_;
  // A file's tail goes in short blocks, so that less is made up behind its end.
  return long_blocks_ && left > long_block - short_block ? long_block : short_block;
}

void Modem::send_block() {
  state_ = State::block;
  if (acknowledged_ == file_.size) {
    state_ = State::end_of_file;
    under_way_ = 0;
    return send(std::string(1, modem_end_of_file));
  }
  const std::uint64_t size = next_block_size();
  under_way_ = std::min(size, file_.size - acknowledged_);
  std::string content(under_way_, '\0');
  if (!file_.read(acknowledged_, std::as_writable_bytes(std::span(content)))) {
    stop();
    return finish(ModemEnd::unreadable);
  }
  send(framed(padded(std::move(content), size, filler)));
}

std::string Modem::framed(const std::string& content) const {
  std::string block;
  block += content.size() == long_block ? modem_start_long_header : modem_start_header;
  block += static_cast<char>(number_);
  block += static_cast<char>(~number_);
  block += content;
  if (crc_) {
    const std::uint16_t crc = smp::crc16(as_bytes(content));
    block += static_cast<char>(crc >> 8U);
    block += static_cast<char>(crc & 0xFFU);
  } else {
    std::uint8_t sum = 0;
    for (const char c : content)
      sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(c));
    block += static_cast<char>(sum);
  }
  return block;
}

void Modem::stop() {
  // Behind enough of them the receiver gives up, wherever in a block they meet it.
  output_ = std::string(8, modem_cancel);
  finish(ModemEnd::stopped);
}

void Modem::finish(ModemEnd end) {
  end_ = end;
  deadline_.reset();
}

}  // namespace ferry::serial
