// Fetches by HTTP with Ferry's client. Not thread-safe.
#pragma once

#include <stop_token>

#include "agent/source/http_client.hpp"
#include "agent/source/tuf/fetcher.hpp"

namespace ferry::tuf {

class HttpFetcher final : public Fetcher {
 public:
  // `settings`: CA, proxy, certificate and stall timeout; http:// is allowed when its url is one.
  // `longest`: for a whole file, 0 = no bound but the stall timeout.
  static Result<HttpFetcher> open(const config::SourceSettings& settings, Duration longest,
                                  std::stop_token stop);
  Status fetch(const std::string& url, std::uint64_t limit, const TakeBody& take) override;

 private:
  HttpFetcher(source::HttpClient client, Duration longest, std::stop_token stop)
      : client_(std::move(client)), longest_(longest), stop_(std::move(stop)) {}

  source::HttpClient client_;
  Duration longest_;
  std::stop_token stop_;
};

}  // namespace ferry::tuf
