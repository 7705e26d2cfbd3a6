// GET over HTTPS by libcurl, HTTP/2 where the server has it, within bounds: certificates checked,
// HTTPS only (redirects included), nothing decompressed, at most as many bytes as the caller takes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "agent/source/trusted_time.hpp"
#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"

namespace ferry::source {

struct HttpRequest {
  std::string url;
  std::string if_none_match;  // "" = not sent
  std::uint64_t offset = 0;   // with `length` 0: 0 = everything, no Range is sent
  std::uint64_t length = 0;   // of the part that is wanted, 0 = to the end
  std::string if_range;       // strong ETag; goes with offset; "" = whatever is there now
  Duration longest{0};        // for the whole transfer; 0 = no bound but the stall timeout
};

// The head of the final response.
struct HttpHead {
  long status = 0;
  std::string etag;
  std::string content_range;
  std::string content_encoding;
  std::optional<std::uint64_t> content_length;
  std::optional<Time> date;
};

// Called once, before the first byte of the body; an error ends the transfer with that error.
using TakeHead = std::function<Status(const HttpHead&)>;
using TakeBody = std::function<Status(Bytes)>;

// One request of several: the request, those who take its answer, and how it ended.
struct HttpFetch {
  HttpRequest request;
  TakeHead head;
  TakeBody body;
  Status done;
};

// Who pays for what comes in. Called on the client's thread.
class Meter {
 public:
  virtual ~Meter() = default;
  // Before each request: how fast the answer may come, in bytes a second, 0 for any speed. An error
  // keeps the request from being made.
  virtual Result<std::uint64_t> admit() = 0;
  // That many bytes of heads and bodies came in, and were handed on. An error ends the transfer,
  // unless these were its last.
  virtual Status received(std::size_t bytes) = 0;
};

// Not thread-safe; keeps connections open between requests.
class HttpClient {
 public:
  // `time`, which outlives it, says as of when certificates are judged, and learns what servers
  // with good ones say; null: they are judged by the system's clock.
  static Result<HttpClient> open(const config::SourceSettings& settings, TrustedTime* time);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  // From now on `meter`, which outlives it, is asked and told.
  void count_by(Meter& meter);

  // Blocks until the response has ended. ErrorCode::unavailable when the link failed at any point;
  // timed_out when it stalled; denied when the server's certificate is not trusted; cancelled soon
  // after `stop`. Statuses are the caller's to judge, in `head`.
  Status get(const HttpRequest& request, const std::stop_token& stop, const TakeHead& head,
             const TakeBody& body);

  // The same for several side by side: over one connection to a host that speaks HTTP/2, over a few
  // to others. Each has its end in `done`; once one has failed for the link, those that were not
  // begun fail alike. The functions are called on this thread, those of several answers by turns.
  void get_all(std::span<HttpFetch> fetches, const std::stop_token& stop);

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A URL as it may be told: without its query, which may hold what gives access.
std::string shown_url(std::string_view url);

// A strong ETag as If-Range may carry it, or "" for a weak, missing or unreasonable one.
std::string strong_validator(const std::string& etag);

// "bytes 100-199/200" taken apart; nothing unless it is exactly of that form.
struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t total = 0;
};
std::optional<ContentRange> parse_content_range(std::string_view text);

// An error unless the body is the bytes themselves: what is compressed has other lengths and
// hashes.
Status check_encoding(const HttpHead& head);

// What a status other than those expected means: not_found, unavailable (the server's trouble),
// denied or invalid, with a text that says what to do where something can be done.
Failure unexpected_status(long status);

}  // namespace ferry::source
