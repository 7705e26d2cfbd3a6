#include "agent/source/aws/job_fetch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agent/source/download.hpp"
#include "agent/source/ingest.hpp"
#include "base/log.hpp"

namespace ferry::source::aws {
namespace {

// Fresh documents in a row whose URLs bring nothing, before the job has failed.
constexpr int most_refreshes = 3;
constexpr Duration look_time = std::chrono::minutes(1);

// What a URL is refused with whose time is over, or whose signer's is.
bool has_expired(long status) {
  return status == 400 || status == 401 || status == 403;
}

// Differs when URL, ETag or size do, and is the same for the same object however its URL is signed.
Sha256 key_of(const std::string& url, const std::string& path, const std::string& etag,
              std::uint64_t size) {
  return Sha256::of(as_bytes(fmt::format("{}\n{}\n{}\n{}", shown_url(url), path, etag, size)));
}

}  // namespace

Result<JobFetch::Found> JobFetch::look_once(const std::string& url, const std::stop_token& stop) {
  HttpRequest request;
  request.url = url;
  request.length = 1;
  request.longest = look_time;
  HttpHead head;
  std::size_t bytes = 0;
  const Status got = client_.get(
      request, stop,
      [&](const HttpHead& arrived) -> Status {
        head = arrived;
        // Of anything but the byte that was asked for, the head is enough.
        return arrived.status == 206 ? Status{} : Status(fail(ErrorCode::changed, "seen"));
      },
      [&](Bytes piece) -> Status {
        bytes += piece.size();
        return bytes > 1 ? Status(fail(ErrorCode::changed, "seen")) : Status{};
      });
  if (head.status == 0) {
    const Error why = got ? Error{ErrorCode::unavailable, "no answer"} : got.error();
    // A certificate that is not trusted may be that of a network on the way, and pass.
    return fail(why.code == ErrorCode::denied ? ErrorCode::unavailable : why.code, why.message);
  }
  if (has_expired(head.status)) {
    return fail(ErrorCode::denied,
                fmt::format("{}: refused with status {}", shown_url(url), head.status));
  }
  if (head.status == 416) return Found{0, ""};
  if (head.status != 200 && head.status != 206) {
    return fail(unexpected_status(head.status).value(), shown_url(url));
  }
  Found found;
  found.etag = strong_validator(head.etag);
  const auto range = parse_content_range(head.content_range);
  if (head.status == 206 && range) found.size = range->total;
  if (head.status == 200 && head.content_length) found.size = *head.content_length;
  // Without these a file that is exchanged under way could not be told from the one before.
  if (found.etag.empty() || (head.status == 206 ? !range : !head.content_length)) {
    return fail(ErrorCode::invalid, shown_url(url) + ": has no strong ETag or no size");
  }
  return found;
}

Status JobFetch::refresh(const Error& why) {
  const std::uint64_t fetched = ledger_.progress().bytes_fetched;
  if (fetched > fetched_before_) refreshes_ = 0;
  fetched_before_ = fetched;
  if (++refreshes_ > most_refreshes) {
    return fail(ErrorCode::denied,
                fmt::format("{}, though its URL was fresh {} times", why.message, most_refreshes));
  }
  log::info("source " + ledger_.state().name, "{}: asks for a fresh job document", why.message);
  auto fresh = refresh_();
  if (!fresh) return fail(fresh.error());
  const auto same_files = [](const formats::JobFile& one, const formats::JobFile& other) {
    return one.path == other.path && one.role == other.role;
  };
  if (fresh->version != document_.version ||
      !std::equal(fresh->files.begin(), fresh->files.end(), document_.files.begin(),
                  document_.files.end(), same_files)) {
    return fail(ErrorCode::changed, "the job's document is another one now");
  }
  document_ = std::move(*fresh);
  return {};
}

Result<JobFetch::Found> JobFetch::look(std::size_t file, const std::stop_token& stop) {
  for (;;) {
    Result<Found> found = look_once(document_.files[file].url, stop);
    if (found || found.error().code != ErrorCode::denied) return found;
    if (const Status fresh = refresh(found.error()); !fresh) return fail(fresh.error());
  }
}

Result<formats::Release> JobFetch::describe(const std::string& product, const std::string& channel,
                                            const std::stop_token& stop) {
  formats::Release release{product, document_.version, channel, {}};
  for (std::size_t i = 0; i < document_.files.size(); ++i) {
    const Result<Found> found = look(i, stop);
    if (!found) return fail(found.error(), document_.files[i].path);
    const formats::JobFile& file = document_.files[i];
    formats::ReleaseArtifact artifact;
    artifact.role = file.role;
    artifact.name = file.path;
    if (file.role == formats::Role::file) artifact.dst_path = file.path;
    artifact.size = found->size;
    artifact.sha256 = key_of(file.url, file.path, found->etag, found->size);
    release.artifacts.push_back(std::move(artifact));
  }
  if (const Status good = formats::check_release(release); !good) return fail(good.error());
  return release;
}

Result<bool> JobFetch::is_here(const formats::Release& release) const {
  const auto all = context_.store.releases().all();
  if (!all) return fail(all.error());
  std::map<std::string_view, const formats::ReleaseArtifact*> wanted;
  for (const auto& artifact : release.artifacts) wanted.emplace(artifact.name, &artifact);
  return std::any_of(all->begin(), all->end(), [&](const storage::HeldRelease& held) {
    const formats::Release& here = held.release;
    // A job for all of a product wants it where its devices look.
    const bool in_channel = here.channel == release.channel || release.channel == job_channel;
    return held.complete && in_channel && here.product == release.product &&
           here.version == release.version && here.artifacts.size() == wanted.size() &&
           std::all_of(here.artifacts.begin(), here.artifacts.end(), [&](const auto& artifact) {
             const auto same = wanted.find(artifact.name);
             return same != wanted.end() && same->second->role == artifact.role &&
                    same->second->size == artifact.size;
           });
  });
}

Status JobFetch::fill(std::size_t file, storage::PackWriter& pack, const formats::Release& release,
                      const formats::ReleaseArtifact& artifact, const std::stop_token& stop) {
  for (;;) {
    Status done =
        Download(client_, ledger_, stop).run(document_.files[file].url, pack, release, artifact);
    if (done) return done;
    const ErrorCode code = done.error().code;
    // The file is another one now, of another size: the next attempt sees it as it is.
    if (code == ErrorCode::corrupt) return fail(ErrorCode::unavailable, done.error().message);
    if (code != ErrorCode::denied && code != ErrorCode::invalid) return done;
    // Only the server's own word tells whether it is the URL's time that is over.
    const Result<Found> found = look_once(document_.files[file].url, stop);
    if (!found && found.error().code != ErrorCode::denied) return fail(found.error());
    if (Status fresh = refresh(found ? done.error() : found.error()); !fresh) return fresh;
  }
}

Status JobFetch::run(const formats::JobDocument& document, const std::string& product,
                     const std::string& channel, Progress& progress, const std::stop_token& stop) {
  document_ = document;
  const Result<formats::Release> release = describe(product, channel, stop);
  if (!release) return fail(release.error());
  for (const auto& artifact : release->artifacts) progress.size += artifact.size;
  const Result<bool> here = is_here(*release);
  if (!here) return fail(here.error());
  if (*here) return {};
  Ingest ingest(context_, ledger_, Grounds{"tls"});
  const Result<bool> taken =
      ingest.run_unnamed(*release, stop, [&](storage::PackWriter& pack, Ingest::Next next) {
        const formats::ReleaseArtifact& artifact = *next.front();
        const auto file = static_cast<std::size_t>(&artifact - release->artifacts.data());
        Status filled = fill(file, pack, *release, artifact, stop);
        if (filled) progress.done += artifact.size;
        return filled;
      });
  if (!taken) return fail(taken.error());
  if (!*taken) return fail(ErrorCode::too_large, "the store has no room for it");
  return {};
}

}  // namespace ferry::source::aws
