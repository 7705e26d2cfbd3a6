#include "agent/source/download.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"

namespace ferry::source {

// One request, and what is known of the bytes so far.
struct Download::Attempt {
  const std::string& url;
  storage::PackWriter& pack;
  const formats::ReleaseArtifact& artifact;
  storage::PartialArtifact have;
  std::uint64_t offset = 0;  // bytes in the pack
  Ledger& ledger;

  bool resumes() const { return offset > 0 && !have.validator.empty(); }
  Status take_head(const HttpHead& head);
  Status take_whole(const HttpHead& head);
  Status take_part(const HttpHead& head);
  Status take_body(Bytes piece);
};

Status Download::Attempt::take_head(const HttpHead& head) {
  if (head.status == 200 || head.status == 206) {
    if (Status plain = check_encoding(head); !plain) return plain;
    return head.status == 200 ? take_whole(head) : take_part(head);
  }
  // The bytes we have reach past the end of what is there now.
  if (head.status == 416 && resumes()) return fail(ErrorCode::changed, "shorter than before");
  return unexpected_status(head.status);
}

Status Download::Attempt::take_whole(const HttpHead& head) {
  if (head.content_length && *head.content_length != artifact.size) {
    return fail(ErrorCode::corrupt, fmt::format("has {} bytes, not {} as the release document says",
                                                *head.content_length, artifact.size));
  }
  const std::string validator = strong_validator(head.etag);
  // Asked to go on, the server began at 0: it ignores ranges, or the file is another one now.
  if (offset > 0 || validator != have.validator) {
    if (Status fresh = pack.restart(validator); !fresh) return fresh;
    ledger.artifact_at(0);
  }
  have.validator = validator;
  offset = 0;
  return {};
}

// A part is believed only when it is exactly the one that was asked for, of the very same file.
Status Download::Attempt::take_part(const HttpHead& head) {
  if (!resumes()) return fail(ErrorCode::invalid, "answered with a part that nobody asked for");
  const std::optional<ContentRange> range = parse_content_range(head.content_range);
  if (!range || range->first != offset || range->total != artifact.size) {
    return fail(ErrorCode::changed,
                fmt::format("Content-Range '{}' does not go on at {} of {}",
                            head.content_range.substr(0, 64), offset, artifact.size));
  }
  if (strong_validator(head.etag) != have.validator) {
    return fail(ErrorCode::changed, "the part has another ETag than the bytes before it");
  }
  return {};
}

// Counted and stored chunk by chunk: when a commit is under way, nothing beyond it has been
// counted.
Status Download::Attempt::take_body(Bytes piece) {
  while (!piece.empty()) {
    if (offset == artifact.size) {
      ledger.received(piece.size());
      return fail(ErrorCode::corrupt,
                  fmt::format("goes on past the {} bytes of the release document", artifact.size));
    }
    const std::uint64_t room =
        std::min(storage::chunk_size - offset % storage::chunk_size, artifact.size - offset);
    const Bytes part = piece.first(std::min<std::uint64_t>(piece.size(), room));
    ledger.received(part.size());
    if (Status stored = pack.append(part); !stored) return stored;
    offset += part.size();
    piece = piece.subspan(part.size());
  }
  return {};
}

Status Download::attempt(Attempt& attempt) {
  HttpRequest request;
  request.url = attempt.url;
  if (attempt.resumes()) {
    request.offset = attempt.offset;
    request.if_range = attempt.have.validator;
  }
  Status got = client_.get(
      request, stop_, [&](const HttpHead& head) { return attempt.take_head(head); },
      [&](Bytes piece) { return attempt.take_body(piece); });
  if (!got) return got;
  if (attempt.offset < attempt.artifact.size) {
    return fail(ErrorCode::unavailable,
                fmt::format("{}: ended after {} of {} bytes", shown_url(attempt.url),
                            attempt.offset, attempt.artifact.size));
  }
  return attempt.pack.finish();
}

Status Download::store(Bytes content, storage::PackWriter& pack, const formats::Release& release,
                       const formats::ReleaseArtifact& artifact) {
  Result<storage::PartialArtifact> have = pack.begin(artifact.sha256, artifact.size);
  if (!have) return fail(have.error());
  if (have->offset == artifact.size) return pack.finish();
  ledger_.artifact_begins(release, artifact, 0);
  if (Status fresh = pack.restart(""); !fresh) return fresh;
  Attempt now{artifact.name, pack, artifact, *have, 0, ledger_};
  if (Status taken = now.take_body(content); !taken) return taken;
  return pack.finish();
}

Status Download::run(const std::string& url, storage::PackWriter& pack,
                     const formats::Release& release, const formats::ReleaseArtifact& artifact) {
  for (bool again = false;; again = true) {
    Result<storage::PartialArtifact> have = pack.begin(artifact.sha256, artifact.size);
    if (!have) return fail(have.error());
    if (have->offset == artifact.size) return pack.finish();
    ledger_.artifact_begins(release, artifact, have->offset);
    Attempt now{url, pack, artifact, *have, have->offset, ledger_};
    const bool resumed = now.resumes();
    Status done = attempt(now);
    if (done) return done;
    // Bytes of two different files may have been put together; then the file itself may still be
    // good.
    const bool afresh = done.error().code == ErrorCode::changed ||
                        (done.error().code == ErrorCode::corrupt && resumed);
    if (!afresh) return done;
    if (again) return fail(ErrorCode::unavailable, done.error().message);
    log::info("source " + ledger_.state().name, "{}: begun afresh", done.error().message);
    // After a wrong hash the pack has forgotten the bytes by itself.
    Result<storage::PartialArtifact> left = pack.begin(artifact.sha256, artifact.size);
    if (!left) return fail(left.error());
    if (Status fresh = pack.restart(""); !fresh) return fresh;
  }
}

}  // namespace ferry::source
