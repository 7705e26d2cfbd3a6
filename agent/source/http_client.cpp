#include "agent/source/http_client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "agent/source/server_certificate.hpp"

namespace ferry::source {
namespace {

constexpr long redirect_limit = 5;
constexpr long connect_seconds = 30;
// A server that trickles less holds the source up as silence would.
constexpr long slowest = 64;  // bytes a second

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using Multi = std::unique_ptr<CURLM, FreeMulti>;
using List = std::unique_ptr<curl_slist, FreeList>;

// libcurl wants to be told once for each process before any other call.
bool library_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

// One transfer, as libcurl's callbacks see it.
struct Transfer {
  CURL* easy = nullptr;
  const TakeHead* take_head = nullptr;
  const TakeBody* take_body = nullptr;
  Meter* meter = nullptr;
  std::uint64_t body_bytes = 0;
  std::size_t uncounted = 0;  // bytes of heads, not yet told to the meter
  HttpHead head;
  bool head_told = false;
  Status failure;  // of the caller's functions

  Status tell_head() {
    if (head_told) return {};
    head_told = true;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &head.status);
    return (*take_head)(head);
  }

  Status count(std::size_t length) {
    const std::size_t bytes = std::exchange(uncounted, 0) + length;
    return meter == nullptr ? Status() : meter->received(bytes);
  }
};

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

std::size_t on_header(char* data, std::size_t /*one*/, std::size_t length, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  HttpHead& head = transfer.head;
  transfer.uncounted += length;
  const std::string_view line(data, length);
  if (line.starts_with("HTTP/")) {
    // Interim answers and redirects bring heads of their own; the last one counts.
    head = HttpHead();
    return length;
  }
  const std::size_t colon = line.find(':');
  if (colon == line.npos) return length;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_name(name, "etag")) head.etag = value;
  if (same_name(name, "content-range")) head.content_range = value;
  if (same_name(name, "content-encoding")) head.content_encoding = value;
  if (same_name(name, "date")) {
    const std::time_t seconds = curl_getdate(std::string(value).c_str(), nullptr);
    if (seconds >= 0) head.date = Time(std::chrono::seconds(seconds));
  }
  if (same_name(name, "content-length")) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && end == value.data() + value.size()) head.content_length = number;
  }
  return length;
}

std::size_t on_body(char* data, std::size_t /*one*/, std::size_t length, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  transfer.failure = transfer.tell_head();
  if (transfer.failure) transfer.failure = (*transfer.take_body)(as_bytes({data, length}));
  const Status paid = transfer.count(length);
  transfer.body_bytes += length;
  // What came in to its end is not thrown away for what it cost.
  if (transfer.failure && transfer.head.content_length != transfer.body_bytes) {
    transfer.failure = paid;
  }
  return transfer.failure ? length : CURL_WRITEFUNC_ERROR;
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

struct HttpClient::State {
  config::SourceSettings settings;
  Multi multi;
  Easy easy;
  std::array<char, CURL_ERROR_SIZE> message{};
  TrustedTime* time = nullptr;
  Meter* meter = nullptr;
  CertificateJudgement judgement;

  void set_up_connection() const;
  List set_up_request(const HttpRequest& request) const;
  void set_up_time();
  void learn_time(const HttpHead& head) const;
  Result<CURLcode> drive(const std::stop_token& stop) const;
};

void HttpClient::State::set_up_connection() const {
  CURL* handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, message.data());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "ferry/" FERRY_VERSION);
  // ferry.ini allows http:// where a signature says what is believed; nothing leads from https to
  // it.
  const char* protocols = settings.url.starts_with("http://") ? "http,https" : "https";
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, protocols);
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, redirect_limit);
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
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

CURLcode on_tls(CURL* /*easy*/, void* context, void* user) {
  return judge_certificates(static_cast<ssl_ctx_st*>(context),
                            *static_cast<CertificateJudgement*>(user))
             ? CURLE_OK
             : CURLE_OUT_OF_MEMORY;
}

void HttpClient::State::set_up_time() {
  if (time == nullptr) return;
  judgement.at = time->clock_is_behind() ? std::optional(time->floor()) : std::nullopt;
  CURL* handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, on_tls);
  curl_easy_setopt(handle, CURLOPT_SSL_CTX_DATA, &judgement);
  // A session that is taken up again brings no certificate that could be judged.
  curl_easy_setopt(handle, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

void HttpClient::State::learn_time(const HttpHead& head) const {
  const char* scheme = nullptr;
  curl_easy_getinfo(easy.get(), CURLINFO_SCHEME, &scheme);
  const bool proven = scheme != nullptr && same_name(scheme, "https") && judgement.until;
  if (time != nullptr && proven && head.date) time->raise(*head.date, *judgement.until);
}

// Gives the list of headers, which must live until the transfer is over.
List HttpClient::State::set_up_request(const HttpRequest& request) const {
  CURL* handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.longest.count()));
  List headers;
  const auto add = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) return;
    (void)headers.release();
    headers.reset(longer);
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
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  return headers;
}

Result<CURLcode> HttpClient::State::drive(const std::stop_token& stop) const {
  const std::stop_callback wake(stop, [this] { curl_multi_wakeup(multi.get()); });
  for (int running = 1; running > 0;) {
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
    CURLMcode done = curl_multi_perform(multi.get(), &running);
    if (done == CURLM_OK && running > 0) {
      done = curl_multi_poll(multi.get(), nullptr, 0, 1000, nullptr);
    }
    if (done != CURLM_OK) return fail(ErrorCode::io, curl_multi_strerror(done));
  }
  int left = 0;
  const CURLMsg* message_read = curl_multi_info_read(multi.get(), &left);
  if (message_read == nullptr) return fail(ErrorCode::io, "the transfer ended without a result");
  return message_read->data.result;
}

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::open(const config::SourceSettings& settings, TrustedTime* time) {
  if (!library_ready()) return fail(ErrorCode::io, "libcurl cannot be initialized");
  auto state = std::make_unique<State>();
  state->settings = settings;
  state->time = time;
  state->multi.reset(curl_multi_init());
  state->easy.reset(curl_easy_init());
  if (!state->multi || !state->easy) return fail(ErrorCode::io, "libcurl: out of memory");
  return HttpClient(std::move(state));
}

void HttpClient::count_by(Meter& meter) {
  state_->meter = &meter;
}

Status HttpClient::get(const HttpRequest& request, const std::stop_token& stop,
                       const TakeHead& head, const TakeBody& body) {
  Result<std::uint64_t> rate = 0;
  if (state_->meter != nullptr) rate = state_->meter->admit();
  if (!rate) return fail(rate.error());
  CURL* easy = state_->easy.get();
  curl_easy_reset(easy);
  state_->message.fill('\0');
  state_->set_up_connection();
  state_->set_up_time();
  const List headers = state_->set_up_request(request);
  Transfer transfer;
  transfer.easy = easy;
  transfer.take_head = &head;
  transfer.take_body = &body;
  transfer.meter = state_->meter;
  curl_easy_setopt(easy, CURLOPT_MAX_RECV_SPEED_LARGE, static_cast<curl_off_t>(*rate));
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);

  if (curl_multi_add_handle(state_->multi.get(), easy) != CURLM_OK) {
    return fail(ErrorCode::io, request.url + ": libcurl refuses the transfer");
  }
  const Result<CURLcode> result = state_->drive(stop);
  curl_multi_remove_handle(state_->multi.get(), easy);
  // An answer without a body is over already: what is wrong with its cost, the next request hears.
  (void)transfer.count(0);
  if (!transfer.failure) return fail(transfer.failure.error(), request.url);
  if (!result) return fail(result.error(), request.url);
  if (*result != CURLE_OK) {
    const char* text =
        state_->message.front() != '\0' ? state_->message.data() : curl_easy_strerror(*result);
    return fail(code_of(*result), fmt::format("{}: {}", request.url, text));
  }
  state_->learn_time(transfer.head);
  const Status told = transfer.tell_head();
  return told ? Status() : Status(fail(told.error(), request.url));
}

}  // namespace ferry::source
