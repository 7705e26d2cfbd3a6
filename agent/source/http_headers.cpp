#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/source/http_client.hpp"

namespace ferry::source {
namespace {

constexpr std::size_t validator_limit = 256;

// Takes a decimal number off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

}  // namespace

std::string strong_validator(const std::string& etag) {
  const bool quoted = etag.size() >= 2 && etag.size() <= validator_limit && etag.front() == '"' &&
                      etag.back() == '"';
  // What stands between the quotes goes back to the server as it came: printable, no quote in it.
  const bool plain = quoted && std::all_of(etag.begin() + 1, etag.end() - 1,
                                           [](char c) { return c > 0x20 && c < 0x7F && c != '"'; });
  return plain ? etag : std::string();
}

std::string shown_url(std::string_view url) {
  return std::string(url.substr(0, url.find('?')));
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!take(text, "bytes ")) return std::nullopt;
  const auto first = take_number(text);
  if (!first || !take(text, "-")) return std::nullopt;
  const auto last = take_number(text);
  if (!last || !take(text, "/")) return std::nullopt;
  const auto total = take_number(text);
  if (!total || !text.empty() || *first > *last || *last >= *total) return std::nullopt;
  return ContentRange{*first, *last, *total};
}

Status check_encoding(const HttpHead& head) {
  if (head.content_encoding.empty() || head.content_encoding == "identity") return {};
  return fail(ErrorCode::invalid,
              fmt::format("sent as '{}' though only the bytes themselves were asked for: turn "
                          "compression off at the server",
                          head.content_encoding.substr(0, 32)));
}

Failure unexpected_status(long status) {
  if (status == 404 || status == 410) {
    return fail(ErrorCode::not_found, fmt::format("is not there (status {})", status));
  }
  if (status == 401 || status == 403 || status == 407) {
    return fail(ErrorCode::denied,
                fmt::format("the server denies it (status {}): check client_certificate, proxy and "
                            "the server's rules",
                            status));
  }
  if (status == 408 || status == 429 || status >= 500) {
    return fail(ErrorCode::unavailable, fmt::format("the server cannot now (status {})", status));
  }
  return fail(ErrorCode::invalid, fmt::format("answered with status {}", status));
}

}  // namespace ferry::source
