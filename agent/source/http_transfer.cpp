#include "agent/source/http_transfer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace ferry::source {
namespace {

constexpr long redirect_limit = 5;
constexpr long connect_seconds = 30;
// A server that trickles less holds the source up as silence would.
constexpr long slowest = 64;  // bytes a second

bool same_name(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() &&
         std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
         });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

ErrorCode code_of(CURLcode result) {
  switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
      return ErrorCode::timed_out;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_LOGIN_DENIED:
      return ErrorCode::denied;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
      return ErrorCode::invalid;
    default:
      return ErrorCode::unavailable;
  }
}

}  // namespace

Transfer::Transfer(Easy easy, const HttpJob& job, const config::SourceSettings& settings,
                   Meter* meter, std::uint64_t rate)
    : easy_(std::move(easy)), job_(job), meter_(meter) {
  CURL* handle = easy_.get();
  curl_easy_reset(handle);
  set_up_connection(settings);
  set_up_request();
  // Over a connection that others share, only HTTP/1.1 keeps to a rate: what is not read of one
  // answer piles up in libcurl.
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION,
                   rate > 0 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(handle, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(handle, CURLOPT_MAX_RECV_SPEED_LARGE, static_cast<curl_off_t>(rate));
  curl_easy_setopt(handle, CURLOPT_PRIVATE, this);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
}

void Transfer::set_up_connection(const config::SourceSettings& settings) {
  CURL* handle = easy();
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, message_.data());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "ferry/" FERRY_VERSION);
  // ferry.ini allows http:// where a signature says what is believed; nothing leads from https to
  // it.
  const char* protocols = settings.url.starts_with("http://") ? "http,https" : "https";
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, protocols);
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, redirect_limit);
  curl_easy_setopt(handle, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 256L * 1024L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, connect_seconds);
  const auto stall = std::chrono::ceil<std::chrono::seconds>(settings.stall_timeout).count();
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, slowest);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME,
                   static_cast<long>(std::max<std::int64_t>(stall, 1)));
  // "" keeps environment variables from choosing a proxy that ferry.ini does not name.
  curl_easy_setopt(handle, CURLOPT_PROXY, settings.proxy.c_str());
  if (!settings.ca_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, settings.ca_file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  if (!settings.client_certificate.empty()) {
    curl_easy_setopt(handle, CURLOPT_SSLCERT, settings.client_certificate.c_str());
    const auto& key =
        settings.client_key.empty() ? settings.client_certificate : settings.client_key;
    curl_easy_setopt(handle, CURLOPT_SSLKEY, key.c_str());
  }
}

void Transfer::set_up_request() {
  const HttpRequest& request = *job_.request;
  CURL* handle = easy();
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.longest.count()));
  const auto add = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) return;
    (void)headers_.release();
    headers_.reset(longer);
  };
  // Some servers compress what nobody asked them to compress.
  add("Accept-Encoding: identity");
  if (!request.if_none_match.empty()) add("If-None-Match: " + request.if_none_match);
  if (request.length > 0) {
    add(fmt::format("Range: bytes={}-{}", request.offset, request.offset + request.length - 1));
  } else if (request.offset > 0) {
    add(fmt::format("Range: bytes={}-", request.offset));
  }
  if (!request.if_range.empty()) add("If-Range: " + request.if_range);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers_.get());
}

std::size_t Transfer::on_header(char* data, std::size_t /*one*/, std::size_t length, void* user) {
  Transfer& self = *static_cast<Transfer*>(user);
  self.uncounted_ += length;
  self.take_header({data, length});
  return length;
}

void Transfer::take_header(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    // Interim answers and redirects bring heads of their own; the last one counts.
    head_ = HttpHead();
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == line.npos) return;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_name(name, "etag")) head_.etag = value;
  if (same_name(name, "content-range")) head_.content_range = value;
  if (same_name(name, "content-encoding")) head_.content_encoding = value;
  if (same_name(name, "date")) {
    const std::time_t seconds = curl_getdate(std::string(value).c_str(), nullptr);
    if (seconds >= 0) head_.date = Time(std::chrono::seconds(seconds));
  }
  if (same_name(name, "content-length")) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && end == value.data() + value.size()) head_.content_length = number;
  }
}

std::size_t Transfer::on_body(char* data, std::size_t /*one*/, std::size_t length, void* user) {
  Transfer& self = *static_cast<Transfer*>(user);
  self.failure_ = self.tell_head();
  if (self.failure_) self.failure_ = (*self.job_.body)(as_bytes({data, length}));
  const Status paid = self.count(length);
  self.body_bytes_ += length;
  // What came in to its end is not thrown away for what it cost.
  if (self.failure_ && self.head_.content_length != self.body_bytes_) self.failure_ = paid;
  return self.failure_ ? length : CURL_WRITEFUNC_ERROR;
}

Status Transfer::tell_head() {
  if (head_told_) return {};
  head_told_ = true;
  curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &head_.status);
  return (*job_.head)(head_);
}

Status Transfer::count(std::size_t length) {
  const std::size_t bytes = std::exchange(uncounted_, 0) + length;
  return meter_ == nullptr ? Status() : meter_->received(bytes);
}

Status Transfer::ended(CURLcode result) {
  const std::string url = shown_url(job_.request->url);
  // An answer without a body is over already: what is wrong with its cost, the next request hears.
  (void)count(0);
  if (!failure_) return fail(failure_.error(), url);
  if (result != CURLE_OK) {
    const char* text = message_.front() != '\0' ? message_.data() : curl_easy_strerror(result);
    return fail(code_of(result), fmt::format("{}: {}", url, text));
  }
  const Status told = tell_head();
  return told ? Status() : Status(fail(told.error(), url));
}

}  // namespace ferry::source
