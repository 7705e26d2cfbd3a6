#include "transports/http/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace ferry::http {
namespace {

// Clients of the pycom dialect find the end of the header block only when it falls inside one read.
constexpr std::size_t pycom_read = 100;

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 416:
      return "Range Not Satisfiable";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// `text` is the entity tag in its quotes.
bool is_tag(std::string_view text, std::string_view etag) {
  return text.size() == etag.size() + 2 && text.front() == '"' && text.back() == '"' &&
         text.substr(1, etag.size()) == etag;
}

// If-None-Match: weak comparison against each tag of the list.
bool any_matches(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view one = trimmed(list.substr(0, comma));
    if (one == "*") return true;
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (is_tag(one, etag)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// Digits only; a number too large for 64 bits is past every end and becomes the largest.
std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, value);
  if (digits.empty() || parsed.ptr != end) return std::nullopt;
  if (parsed.ec == std::errc::result_out_of_range) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

enum class RangeKind { whole, part, empty_end, unsatisfiable };
struct Range {
  RangeKind kind = RangeKind::whole;
  ContentRange part;
};

Range suffix_range(std::string_view digits, std::uint64_t whole) {
  const auto count = number(digits);
  if (!count) return {};
  if (*count == 0 || whole == 0) return {RangeKind::unsatisfiable, {}};
  return {RangeKind::part, {whole - std::min(*count, whole), whole - 1}};
}

// A single range of bytes. Several ranges, other units and broken ones are ignored, as HTTP allows:
// the whole is served.
Range parse_range(std::string_view value, std::uint64_t whole, bool end_is_empty) {
  value = trimmed(value);
  constexpr std::string_view unit = "bytes=";
  if (!value.starts_with(unit)) return {};
  value = trimmed(value.substr(unit.size()));
  const std::size_t dash = value.find('-');
  if (dash == std::string_view::npos || value.find(',') != std::string_view::npos) return {};
  const std::string_view last_digits = value.substr(dash + 1);
  if (dash == 0) return suffix_range(last_digits, whole);
  const auto first = number(value.substr(0, dash));
  const auto last = last_digits.empty() ? std::numeric_limits<std::uint64_t>::max()
                                        : number(last_digits).value_or(0);
  if (!first || (!last_digits.empty() && !number(last_digits)) || last < *first) return {};
  if (*first >= whole) {
    const bool at_end = end_is_empty && *first == whole;
    return {at_end ? RangeKind::empty_end : RangeKind::unsatisfiable, {}};
  }
  return {RangeKind::part, {*first, std::min(last, whole - 1)}};
}

bool range_applies(const dialects::Answer& answer, const Conditions& conditions) {
  if (!conditions.range || conditions.head || answer.ranges == dialects::Ranges::none) return false;
  if (conditions.if_range) return is_tag(trimmed(*conditions.if_range), answer.etag);
  return answer.ranges == dialects::Ranges::always;
}

void plan_bytes(const dialects::Answer& answer, const dialects::Body& whole,
                const Conditions& conditions, Reply& reply) {
  reply.accept_ranges = answer.ranges != dialects::Ranges::none;
  reply.content_length = whole.size();
  reply.body = whole;
  if (conditions.if_none_match && !answer.etag.empty() &&
      any_matches(*conditions.if_none_match, answer.etag)) {
    reply.status = 304;
    reply.content_length.reset();
    reply.content_type = {};
    reply.body = {};
    return;
  }
  if (!range_applies(answer, conditions)) return;
  const Range range = parse_range(*conditions.range, whole.size(), answer.end_is_empty);
  if (range.kind == RangeKind::part) {
    reply.status = 206;
    reply.content_range = range.part;
    reply.content_length = range.part.last - range.part.first + 1;
    reply.body = dialects::slice(whole, range.part.first, *reply.content_length);
    reply.whole = whole.size();
  } else if (range.kind != RangeKind::whole) {
    reply.status = range.kind == RangeKind::empty_end ? 206 : 416;
    reply.content_length = 0;
    reply.body = {};
    reply.whole = whole.size();
  }
}

// Appends to the header block; its bounds were chosen so that everything fits.
class Writer {
 public:
  explicit Writer(std::span<char, longest_header> out) : out_(out) {}

  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    const auto end = fmt::format_to_n(out_.data() + size_, out_.size() - size_, format,
                                      std::forward<Args>(args)...);
    size_ = std::min(size_ + end.size, out_.size());
  }
  void pad_to_multiple() {
    constexpr std::string_view name = "X-Pad: ";
    constexpr std::size_t line_end = 2;
    const std::size_t bare = size_ + line_end;  // with the empty line
    if (bare % pycom_read == 0) return;
    const std::size_t least = bare + name.size() + 1 + line_end;
    const std::size_t wanted = (least + pycom_read - 1) / pycom_read * pycom_read;
    add("{}{:x>{}}\r\n", name, "", wanted - least + 1);
  }
  std::size_t size() const { return size_; }

 private:
  std::span<char, longest_header> out_;
  std::size_t size_ = 0;
};

}  // namespace

Reply plan(const dialects::Answer& answer, const Conditions& conditions) {
  Reply reply;
  reply.status = answer.status;
  reply.minor_version = conditions.minor_version;
  reply.content_type = answer.content_type;
  reply.version = answer.version;
  reply.role = answer.role;
  reply.md5 = answer.md5;
  reply.etag = answer.etag;
  reply.pad = answer.pad_header;
  reply.allow = answer.status == 405;
  if (const auto* text = std::get_if<std::string>(&answer.body)) {
    reply.content_length = text->size();
    reply.text = true;
    if (answer.status == 204 || answer.status == 304) {
      reply.content_length.reset();
      reply.content_type = {};
    }
  } else {
    plan_bytes(answer, std::get<dialects::Body>(answer.body), conditions, reply);
  }
  if (!answer.announce_length) reply.content_length.reset();
  reply.close = !conditions.keep_alive || conditions.minor_version == 0 ||
                !answer.announce_length || answer.break_off;
  if (conditions.head) {
    reply.body = {};
    reply.text = false;
  }
  return reply;
}

std::size_t write_header(const Reply& reply, std::span<char, longest_header> out) {
  Writer writer(out);
  writer.add("HTTP/1.{} {} {}\r\n", reply.minor_version, reply.status, reason(reply.status));
  if (!reply.content_type.empty()) writer.add("Content-Type: {}\r\n", reply.content_type);
  if (reply.content_length) writer.add("Content-Length: {}\r\n", *reply.content_length);
  if (reply.content_range) {
    writer.add("Content-Range: bytes {}-{}/{}\r\n", reply.content_range->first,
               reply.content_range->last, reply.whole.value_or(0));
  } else if (reply.whole) {
    writer.add("Content-Range: bytes */{}\r\n", *reply.whole);
  }
  if (reply.accept_ranges) writer.add("Accept-Ranges: bytes\r\n");
  if (!reply.etag.empty()) writer.add("ETag: \"{:.64}\"\r\n", reply.etag);
  if (!reply.version.empty()) writer.add("X-Ferry-Version: {:.120}\r\n", reply.version);
  if (!reply.role.empty()) writer.add("X-Ferry-Role: {:.20}\r\n", reply.role);
  if (!reply.md5.empty()) writer.add("x-MD5: {:.32}\r\n", reply.md5);
  if (reply.allow) writer.add("Allow: GET, HEAD\r\n");
  if (reply.close) writer.add("Connection: close\r\n");
  if (reply.pad) writer.pad_to_multiple();
  writer.add("\r\n");
  return writer.size();
}

}  // namespace ferry::http
