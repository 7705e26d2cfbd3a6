// Brings one artifact from a URL into an open pack: resumed when that is safe, from its beginning
// when not.
#pragma once

#include <stop_token>
#include <string>

#include "agent/source/http_client.hpp"
#include "agent/source/ledger.hpp"
#include "storage/pack.hpp"

namespace ferry::source {

// On the source's thread. The artifact is complete and its hash right, or: ErrorCode::corrupt (the
// bytes were not those that the release document names, and were thrown away), or any error of the
// link or the store, with what was committed kept for the next attempt. ErrorCode::changed does not
// come out: an upstream file that changed is begun afresh once, and what does not settle is
// ErrorCode::unavailable.
class Download {
 public:
  Download(HttpClient& client, Ledger& ledger, const std::stop_token& stop)
      : client_(client), ledger_(ledger), stop_(stop) {}

  // The same with bytes that are here already, all of them.
  Status store(Bytes content, storage::PackWriter& pack, const formats::Release& release,
               const formats::ReleaseArtifact& artifact);
  Status run(const std::string& url, storage::PackWriter& pack, const formats::Release& release,
             const formats::ReleaseArtifact& artifact);

 private:
  struct Attempt;
  Status attempt(Attempt& attempt);

  HttpClient& client_;
  Ledger& ledger_;
  const std::stop_token& stop_;
};

}  // namespace ferry::source
