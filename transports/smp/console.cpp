#include "transports/smp/console.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/base64.hpp"

namespace ferry::smp {
namespace {

constexpr char first_mark_1 = '\x06';
constexpr char first_mark_2 = '\x09';
constexpr char continued_mark_1 = '\x04';
constexpr char continued_mark_2 = '\x14';
constexpr std::size_t base64_limit = console_line_limit - 3;  // 124 characters, 93 raw bytes
constexpr std::size_t length_size = 2;
constexpr std::size_t crc_size = 2;

constexpr std::array<std::uint16_t, 256> make_crc16_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned i = 0; i < 256; ++i) {
    unsigned value = i << 8U;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 0x8000U) != 0 ? (value << 1U ^ 0x1021U) : value << 1U;
    }
    table[i] = static_cast<std::uint16_t>(value);
  }
  return table;
}
constexpr std::array<std::uint16_t, 256> crc16_table = make_crc16_table();

std::size_t short_at(std::string_view raw, std::size_t at) {
  return static_cast<std::size_t>(static_cast<unsigned char>(raw[at])) << 8U |
         static_cast<unsigned char>(raw[at + 1]);
}

std::size_t raw_size(std::size_t size) {
  return size + length_size + crc_size;
}

}  // namespace

std::uint16_t crc16(Bytes content) {
  unsigned crc = 0;
  for (const std::byte byte : content) {
    crc =
        (crc << 8U ^ crc16_table[(crc >> 8U ^ std::to_integer<unsigned>(byte)) & 0xFFU]) & 0xFFFFU;
  }
  return static_cast<std::uint16_t>(crc);
}

std::string encode_console(Bytes packet) {
  std::string raw;
  raw.reserve(raw_size(packet.size()));
  append_short(raw, packet.size() + crc_size);
  raw += as_text(packet);
  append_short(raw, crc16(packet));

  std::string out;
  out.reserve(console_encoded_size(packet.size()));
  for (std::size_t at = 0; at < raw.size(); at += console_line_raw) {
    out += at == 0 ? first_mark_1 : continued_mark_1;
    out += at == 0 ? first_mark_2 : continued_mark_2;
    out += to_base64(as_bytes(std::string_view(raw).substr(at, console_line_raw)));
    out += '\n';
  }
  return out;
}

std::size_t console_lines(std::size_t size) {
  return (raw_size(size) + console_line_raw - 1) / console_line_raw;
}

std::size_t console_encoded_size(std::size_t size) {
  return (raw_size(size) + 2) / 3 * 4 + 3 * console_lines(size);
}

std::size_t fit_console(std::size_t limit) {
  // Full lines only, as long as there is one; a remainder of a line costs three marks more.
  const std::size_t full = raw_size(limit) / console_line_raw;
  if (full == 0) return limit;
  const std::size_t whole_lines = full * console_line_raw - length_size - crc_size;
  // What a packet costs beside its bytes of data: header, keys and numbers of an upload.
  constexpr std::size_t beside = 26;
  if (limit <= beside) return limit;
  const auto share = [](std::size_t size) {
    return size <= beside ? 0.0
                          : static_cast<double>(size - beside) /
                                static_cast<double>(console_encoded_size(size));
  };
  return share(limit) > share(whole_lines) ? limit : whole_lines;
}

ConsoleDecoder::ConsoleDecoder(ConsoleOptions options, PacketOutlet packet, TextOutlet text)
    : options_(options), packet_outlet_(std::move(packet)), text_outlet_(std::move(text)) {}

void ConsoleDecoder::reset() {
  state_ = State::text;
  line_.clear();
  drop_packet();
}

void ConsoleDecoder::drop_packet() {
  raw_.clear();
  receiving_ = false;
}

void ConsoleDecoder::feed(Bytes received) {
  if (options_.raw) return feed_raw(received);
  for (const std::byte byte : received) take(static_cast<char>(byte));
}

void ConsoleDecoder::take(char byte) {
  // A start mark is no character of base64 nor of any text, so it counts wherever it stands: what
  // lost its line end is given up then.
  if (byte == first_mark_1 || byte == continued_mark_1) {
    if (state_ == State::frame) ++damaged_, drop_packet();
    end_of_text();
    state_ = byte == first_mark_1 ? State::first_mark : State::continued_mark;
    return;
  }
  switch (state_) {
    case State::first_mark:
    case State::continued_mark:
      return begin(byte);
    case State::frame:
      if (byte == '\n') return end_of_frame();
      if (byte == '\r') return;
      line_ += byte;
      if (line_.size() > base64_limit) {
        ++damaged_;
        drop_packet();
        line_.clear();
        state_ = State::skip;
      }
      return;
    case State::skip:
      if (byte == '\n') state_ = State::text;
      return;
    case State::text:
      if (byte == '\n') return end_of_text();
      if (byte != '\r' && line_.size() < options_.text_limit) line_ += byte;
      return;
  }
}

void ConsoleDecoder::begin(char byte) {
  const bool first = state_ == State::first_mark && byte == first_mark_2;
  const bool continued = state_ == State::continued_mark && byte == continued_mark_2;
  if (!first && !continued) {
    state_ = State::text;
    return take(byte);
  }
  if (first) {
    if (receiving_) ++damaged_;
    drop_packet();
    receiving_ = true;
  }
  // A continuation of nothing: its first line was lost.
  state_ = receiving_ ? State::frame : State::skip;
}

void ConsoleDecoder::end_of_text() {
  if (state_ == State::text && !line_.empty() && text_outlet_) text_outlet_(line_);
  line_.clear();
}

void ConsoleDecoder::end_of_frame() {
  state_ = State::text;
  const std::optional<std::string> decoded = from_base64(line_);
  line_.clear();
  if (!decoded || raw_.size() + decoded->size() > raw_size(options_.packet_limit)) {
    ++damaged_;
    return drop_packet();
  }
  raw_ += *decoded;
  if (raw_.size() < length_size) {
    ++damaged_;
    return drop_packet();
  }
  const std::size_t wanted = length_size + short_at(raw_, 0);
  if (raw_.size() < wanted) return;  // further lines follow
  finish_packet(wanted);
}

void ConsoleDecoder::finish_packet(std::size_t wanted) {
  const std::string raw = std::exchange(raw_, {});
  receiving_ = false;
  if (raw.size() != wanted || wanted < length_size + crc_size) {
    ++damaged_;
    return;
  }
  const Bytes packet =
      as_bytes(std::string_view(raw).substr(length_size, wanted - length_size - crc_size));
  if (crc16(packet) != short_at(raw, wanted - crc_size)) {
    ++damaged_;
    return;
  }
  packet_outlet_(packet);
}

void ConsoleDecoder::feed_raw(Bytes received) {
  for (const std::byte byte : received) {
    raw_ += static_cast<char>(byte);
    while (raw_.size() >= header_size) {
      const std::size_t wanted = header_size + short_at(raw_, 2);
      // Byte 1 is reserved and 0, byte 0 holds version and operation alone.
      const bool plausible = (static_cast<unsigned char>(raw_[0]) & 0xE4U) == 0 && raw_[1] == 0 &&
                             wanted <= options_.packet_limit;
      if (!plausible) {
        raw_.erase(0, 1);
        continue;
      }
      if (raw_.size() < wanted) break;
      const std::string packet = std::exchange(raw_, {});
      packet_outlet_(as_bytes(packet));
    }
  }
}

}  // namespace ferry::smp
