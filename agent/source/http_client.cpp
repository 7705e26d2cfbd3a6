#include "agent/source/http_client.hpp"

#include <strings.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/source/http_transfer.hpp"
#include "agent/source/server_certificate.hpp"

namespace ferry::source {
namespace {

// Requests under way at once, and connections to one host that speaks HTTP/1.1.
constexpr std::size_t side_by_side = 8;
constexpr long connections_to_a_host = 4;

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using Multi = std::unique_ptr<CURLM, FreeMulti>;

// libcurl wants to be told once for each process before any other call.
bool library_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

bool is_of_the_link(ErrorCode code) {
  return code == ErrorCode::unavailable || code == ErrorCode::timed_out;
}

CURLcode on_tls(CURL* /*easy*/, void* context, void* user) {
  return judge_certificates(static_cast<ssl_ctx_st*>(context),
                            *static_cast<CertificateJudgement*>(user))
             ? CURLE_OK
             : CURLE_OUT_OF_MEMORY;
}

}  // namespace

struct HttpClient::State {
  config::SourceSettings settings;
  Multi multi;
  std::vector<Easy> idle;
  std::vector<std::unique_ptr<Transfer>> running;
  std::size_t at_once = side_by_side;
  TrustedTime* time = nullptr;
  Meter* meter = nullptr;
  CertificateJudgement judgement;

  // Does them all. Once the link has failed, or a meter said no, the rest is not begun.
  void run(std::span<const HttpJob> jobs, const std::stop_token& stop);
  Status start(const HttpJob& job);
  void set_up_time(CURL* handle);
  void learn_time(const Transfer& transfer) const;
  // Until something moved. The error is of libcurl itself.
  Status step() const;
  // Gives an error when one of them failed for the link.
  Status finish_ended();
  void finish(const Transfer& transfer, Status done);
};

void HttpClient::State::set_up_time(CURL* handle) {
  if (time == nullptr) return;
  judgement.at = time->clock_is_behind() ? std::optional(time->floor()) : std::nullopt;
  curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, on_tls);
  curl_easy_setopt(handle, CURLOPT_SSL_CTX_DATA, &judgement);
  // A session that is taken up again brings no certificate that could be judged.
  curl_easy_setopt(handle, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

void HttpClient::State::learn_time(const Transfer& transfer) const {
  const char* scheme = nullptr;
  curl_easy_getinfo(transfer.easy(), CURLINFO_SCHEME, &scheme);
  const bool proven =
      scheme != nullptr && strcasecmp(scheme, "https") == 0 && judgement.until.has_value();
  const auto& date = transfer.head().date;
  if (time != nullptr && proven && date) time->raise(*date, *judgement.until);
}

Status HttpClient::State::start(const HttpJob& job) {
  Result<std::uint64_t> rate = 0;
  if (meter != nullptr) rate = meter->admit();
  if (!rate) return fail(rate.error());
  // A rate is for all of them together.
  at_once = *rate > 0 ? 1 : side_by_side;
  Easy easy;
  if (idle.empty()) {
    easy.reset(curl_easy_init());
  } else {
    easy = std::move(idle.back());
    idle.pop_back();
  }
  if (!easy) return fail(ErrorCode::io, "libcurl: out of memory");
  auto transfer = std::make_unique<Transfer>(std::move(easy), job, settings, meter, *rate);
  set_up_time(transfer->easy());
  if (curl_multi_add_handle(multi.get(), transfer->easy()) != CURLM_OK) {
    return fail(ErrorCode::io, shown_url(job.request->url) + ": libcurl refuses the transfer");
  }
  running.push_back(std::move(transfer));
  return {};
}

Status HttpClient::State::step() const {
  int going = 0;
  CURLMcode done = curl_multi_perform(multi.get(), &going);
  if (done == CURLM_OK && static_cast<std::size_t>(going) == running.size()) {
    done = curl_multi_poll(multi.get(), nullptr, 0, 1000, nullptr);
  }
  return done == CURLM_OK ? Status() : Status(fail(ErrorCode::io, curl_multi_strerror(done)));
}

void HttpClient::State::finish(const Transfer& transfer, Status done) {
  *transfer.job().done = std::move(done);
  curl_multi_remove_handle(multi.get(), transfer.easy());
  const auto place = std::find_if(running.begin(), running.end(),
                                  [&](const auto& other) { return other.get() == &transfer; });
  idle.push_back((*place)->release());
  running.erase(place);
}

Status HttpClient::State::finish_ended() {
  Status link;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode result = message->data.result;
    Transfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    if (result == CURLE_OK) learn_time(*transfer);
    Status done = transfer->ended(result);
    if (!done && is_of_the_link(done.error().code)) link = done;
    finish(*transfer, std::move(done));
  }
  return link;
}

void HttpClient::State::run(std::span<const HttpJob> jobs, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { curl_multi_wakeup(multi.get()); });
  Status good;
  std::size_t next = 0;
  for (at_once = side_by_side;;) {
    for (; next < jobs.size() && running.size() < at_once; ++next) {
      if (good) good = start(jobs[next]);
      if (!good) *jobs[next].done = good;
    }
    if (running.empty()) return;
    Status moved = stop.stop_requested() ? Status(fail(ErrorCode::cancelled, "stopped")) : step();
    if (!moved) {
      while (!running.empty()) finish(*running.back(), moved);
      good = std::move(moved);
      continue;
    }
    if (Status link = finish_ended(); !link) good = std::move(link);
  }
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
  if (!state->multi) return fail(ErrorCode::io, "libcurl: out of memory");
  curl_multi_setopt(state->multi.get(), CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(state->multi.get(), CURLMOPT_MAX_HOST_CONNECTIONS, connections_to_a_host);
  return HttpClient(std::move(state));
}

void HttpClient::count_by(Meter& meter) {
  state_->meter = &meter;
}

Status HttpClient::get(const HttpRequest& request, const std::stop_token& stop,
                       const TakeHead& head, const TakeBody& body) {
  Status done;
  const HttpJob job{&request, &head, &body, &done};
  state_->run({&job, 1}, stop);
  return done;
}

void HttpClient::get_all(std::span<HttpFetch> fetches, const std::stop_token& stop) {
  std::vector<HttpJob> jobs;
  jobs.reserve(fetches.size());
  for (HttpFetch& fetch : fetches) {
    jobs.push_back({&fetch.request, &fetch.head, &fetch.body, &fetch.done});
  }
  state_->run(jobs, stop);
}

}  // namespace ferry::source
