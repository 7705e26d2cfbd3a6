// Brings the files of a job into the store as a release. A job document tells neither size nor
// digest: what a file is follows from the ETag and the size at its URL, and the URLs expire.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "agent/source/http_client.hpp"
#include "agent/source/ledger.hpp"
#include "agent/source/source.hpp"
#include "formats/job_document.hpp"

namespace ferry::source::aws {

// Of releases that are for the devices of jobs alone: no device follows it.
inline constexpr std::string_view job_channel = "job";

// On the source's thread.
class JobFetch {
 public:
  // The job's document as it is now, with URLs that were signed anew.
  using Refresh = std::function<Result<formats::JobDocument>()>;

  struct Progress {
    std::uint64_t size = 0;  // bytes of all files; 0 not known yet
    std::uint64_t done = 0;  // of those that are complete
  };

  // All of them must outlive it.
  JobFetch(const Context& context, Ledger& ledger, HttpClient& client, Refresh refresh)
      : context_(context), ledger_(ledger), client_(client), refresh_(std::move(refresh)) {}

  // The release is here when this returns without error. What is already here under that version,
  // with the same names and sizes, is it. Refusals (invalid, denied, not_found, corrupt, exists,
  // too_large) are the job's end; other errors may pass, and the next attempt goes on.
  // `progress` is kept true meanwhile.
  Status run(const formats::JobDocument& document, const std::string& product,
             const std::string& channel, Progress& progress, const std::stop_token& stop);

 private:
  struct Found {
    std::uint64_t size = 0;
    std::string etag;
  };
  // What is at the URL of a file; a URL that has expired is refreshed.
  Result<Found> look(std::size_t file, const std::stop_token& stop);
  Result<Found> look_once(const std::string& url, const std::stop_token& stop);
  Status refresh(const Error& why);
  Status fill(std::size_t file, storage::PackWriter& pack, const formats::Release& release,
              const formats::ReleaseArtifact& artifact, const std::stop_token& stop);
  Result<formats::Release> describe(const std::string& product, const std::string& channel,
                                    const std::stop_token& stop);
  Result<bool> is_here(const formats::Release& release) const;

  const Context& context_;
  Ledger& ledger_;
  HttpClient& client_;
  Refresh refresh_;
  formats::JobDocument document_;
  int refreshes_ = 0;                 // in a row that brought no byte
  std::uint64_t fetched_before_ = 0;  // the last of them
};

}  // namespace ferry::source::aws
