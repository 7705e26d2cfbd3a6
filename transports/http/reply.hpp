// From an answer and what the request said about it to the bytes of a header block: conditions,
// ranges, and the letters that old clients insist on. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "transports/dialects/dialect.hpp"

namespace ferry::http {

// What a request says about how it wants to be answered. Views into the request.
struct Conditions {
  bool head = false;
  int minor_version = 1;    // HTTP/1.0 or HTTP/1.1
  bool keep_alive = false;  // as the request asked for
  std::optional<std::string_view> range;
  std::optional<std::string_view> if_range;
  std::optional<std::string_view> if_none_match;
};

// A range of the whole, both ends included.
struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

// What goes onto the wire; the header's part of it. Views into the answer.
struct Reply {
  int status = 200;
  int minor_version = 1;
  bool close = false;                           // the connection ends with this reply
  std::string_view content_type;                // "" none
  std::optional<std::uint64_t> content_length;  // nothing: not announced
  std::string_view etag;                        // without quotes; "" none
  std::optional<ContentRange> content_range;
  std::optional<std::uint64_t> whole;  // length of the whole, for Content-Range
  std::string_view version;
  std::string_view role;
  std::string_view md5;  // as x-MD5; "" none
  bool accept_ranges = false;
  bool allow = false;  // 405: which methods there are
  bool pad = false;    // to a multiple of 100 bytes
  // The body that follows: this part of the answer's bytes, or its text when `text` is true, or
  // neither.
  dialects::Body body;
  bool text = false;
};

Reply plan(const dialects::Answer& answer, const Conditions& conditions);

// No header block is longer than this.
inline constexpr std::size_t longest_header = 1024;

// Writes the header block with its empty line; gives the number of bytes.
std::size_t write_header(const Reply& reply, std::span<char, longest_header> out);

}  // namespace ferry::http
