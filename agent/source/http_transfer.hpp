// One transfer by libcurl, as its callbacks see it. Internal to http_client.cpp.
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <string>

#include "agent/source/http_client.hpp"

namespace ferry::source {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;

// A request, those who take its answer, and where it is told how that ended; all of them outlive
// the transfer.
struct HttpJob {
  const HttpRequest* request = nullptr;
  const TakeHead* head = nullptr;
  const TakeBody* body = nullptr;
  Status* done = nullptr;
};

class Transfer {
 public:
  // `meter` may be null; `rate` in bytes a second, 0 for any.
  Transfer(Easy easy, const HttpJob& job, const config::SourceSettings& settings, Meter* meter,
           std::uint64_t rate);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_.get(); }
  // For another one; this one is of no more use then.
  Easy release() { return std::move(easy_); }
  const HttpJob& job() const { return job_; }
  const HttpHead& head() const { return head_; }
  // The end of it, with what libcurl says.
  Status ended(CURLcode result);

 private:
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  static std::size_t on_header(char* data, std::size_t one, std::size_t length, void* user);
  static std::size_t on_body(char* data, std::size_t one, std::size_t length, void* user);
  void set_up_connection(const config::SourceSettings& settings);
  void set_up_request();
  void take_header(std::string_view line);
  Status tell_head();
  Status count(std::size_t length);

  Easy easy_;
  HttpJob job_;
  Meter* meter_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  std::array<char, CURL_ERROR_SIZE> message_{};
  std::uint64_t body_bytes_ = 0;
  std::size_t uncounted_ = 0;  // bytes of heads, not yet told to the meter
  HttpHead head_;
  bool head_told_ = false;
  Status failure_;  // of those who take the answer
};

}  // namespace ferry::source
