// Fetches by HTTP with Ferry's client. Not thread-safe.
#pragma once

#include <stop_token>

#include "agent/source/http_client.hpp"
#include "agent/source/tuf/fetcher.hpp"

namespace ferry::tuf {

class HttpFetcher final : public Fetcher {
 public:
  // `client` must outlive it. `longest`: for a whole file, 0 = no bound but the stall timeout.
  HttpFetcher(source::HttpClient& client, Duration longest, std::stop_token stop)
      : client_(client), longest_(longest), stop_(std::move(stop)) {}
  Status fetch(const std::string& url, std::uint64_t limit, const TakeBody& take) override;

 private:
  source::HttpClient& client_;
  Duration longest_;
  std::stop_token stop_;
};

}  // namespace ferry::tuf
