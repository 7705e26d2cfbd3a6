#include "agent/source/patch_download.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/patch.hpp"

namespace ferry::source {
namespace {

// Failures of the link in a row that bring not one segment before the patch is given up: what is
// cut off at the same place each time would be asked for for ever.
constexpr int most_idle_failures = 3;

bool is_of_the_link(ErrorCode code) {
  return code == ErrorCode::unavailable || code == ErrorCode::timed_out;
}

}  // namespace

// The patch as it comes in: head, then frames, each gathered, checked and used.
struct PatchDownload::Attempt {
  const PatchOrder& order;
  storage::PackWriter& pack;
  const formats::ReleaseArtifact& artifact;
  Ledger& ledger;
  storage::PackReader base;
  formats::PatchDecoder decoder;
  std::uint64_t offset = 0;  // bytes in the pack

  std::optional<formats::PatchHead> head = {};
  std::size_t segment = 0;               // the next
  std::uint64_t skipped = 0;             // bytes of the answer that are to be passed over
  std::vector<std::byte> gathered = {};  // of the head or the frame
  std::vector<std::byte> window = {};
  std::vector<std::byte> made = {};
  bool progressed = false;

  std::uint64_t wanted() const {
    return head ? head->segments[segment].frame_size : order.patch->head_size;
  }
  bool is_done() const { return head && segment == head->segments.size(); }
  std::uint64_t frame_offset() const;
  Status take_response(const HttpHead& response, std::uint64_t asked);
  Status take_body(Bytes piece);
  Status take_head();
  Status take_frame();
};

std::uint64_t PatchDownload::Attempt::frame_offset() const {
  std::uint64_t at = head->head_size();
  for (std::size_t i = 0; i < segment; ++i) at += head->segments[i].frame_size;
  return at;
}

// Hashes bind every byte, so a whole answer in place of a part is only longer.
Status PatchDownload::Attempt::take_response(const HttpHead& response, std::uint64_t asked) {
  if (response.status != 200 && response.status != 206) return unexpected_status(response.status);
  skipped = asked;
  if (response.status == 200) return check_encoding(response);
  const std::optional<ContentRange> range = parse_content_range(response.content_range);
  if (!range || range->first != asked) {
    return fail(ErrorCode::invalid, fmt::format("Content-Range '{}' does not begin at {}",
                                                response.content_range.substr(0, 64), asked));
  }
  skipped = 0;
  return check_encoding(response);
}

Status PatchDownload::Attempt::take_body(Bytes piece) {
  ledger.received(piece.size());
  ledger.artifact_at(offset);
  for (;;) {
    const std::uint64_t passed = std::min<std::uint64_t>(skipped, piece.size());
    skipped -= passed;
    piece = piece.subspan(passed);
    if (piece.empty()) return {};
    if (is_done()) return fail(ErrorCode::corrupt, "goes on past its last frame");
    const std::size_t length = std::min<std::uint64_t>(piece.size(), wanted() - gathered.size());
    gathered.reserve(wanted());
    gathered.insert(gathered.end(), piece.begin(),
                    piece.begin() + static_cast<std::ptrdiff_t>(length));
    piece = piece.subspan(length);
    if (gathered.size() < wanted()) continue;
    if (Status taken = head ? take_frame() : take_head(); !taken) return taken;
    gathered.clear();
  }
}

Status PatchDownload::Attempt::take_head() {
  if (Sha256::of(gathered) != order.patch->head) {
    return fail(ErrorCode::corrupt, "its head is not what the release names");
  }
  Result<formats::PatchHead> parsed = formats::parse_patch_head(gathered);
  if (!parsed) return fail(parsed.error());
  if (parsed->target_size != artifact.size || parsed->size() != order.patch->size ||
      parsed->base_size != (order.base ? order.base->size : 0)) {
    return fail(ErrorCode::invalid, "is for another artifact or another base");
  }
  head = std::move(*parsed);
  segment = offset / head->segment_size;
  // Where the server sends everything to those who want the head alone.
  skipped = frame_offset() - head->head_size();
  return {};
}

Status PatchDownload::Attempt::take_frame() {
  const formats::PatchSegment& now = head->segments[segment];
  if (Sha256::of(gathered) != now.frame) {
    return fail(ErrorCode::corrupt, fmt::format("its frame {} is not what its head says", segment));
  }
  window.resize(now.window_size);
  if (order.base) {
    if (Status read = base.read(*order.base, now.window_offset, window); !read) {
      // Not the link's fault, nor the new artifact's: the artifact is fetched whole.
      return fail(ErrorCode::invalid, "its base cannot be read: " + read.error().message);
    }
  }
  made.resize(head->target_bytes(segment));
  if (Status decoded = decoder.decode(gathered, window, made); !decoded) return decoded;
  // An earlier attempt, or a download of the whole, may have stopped inside of the segment.
  const std::uint64_t begin = std::uint64_t{head->segment_size} * segment;
  const Bytes fresh = Bytes(made).subspan(offset - begin);
  if (Status stored = pack.append(fresh); !stored) return stored;
  offset += fresh.size();
  ++segment;
  progressed = true;
  ledger.artifact_at(offset);
  return {};
}

Status PatchDownload::get(Attempt& attempt, std::uint64_t offset, std::uint64_t length,
                          const std::stop_token& stop) {
  HttpRequest request;
  request.url = attempt.order.url;
  request.offset = offset;
  request.length = length;
  attempt.gathered.clear();
  return client_.get(
      request, stop,
      [&](const HttpHead& response) { return attempt.take_response(response, offset); },
      [&](Bytes piece) { return attempt.take_body(piece); });
}

Status PatchDownload::attempt(Attempt& attempt, const std::stop_token& stop) {
  // From its beginning a patch comes by one request; in its middle the head says where to go on.
  const std::uint64_t length = attempt.offset == 0 ? 0 : attempt.order.patch->head_size;
  Status got = get(attempt, 0, length, stop);
  if (got && attempt.head && length > 0 && !attempt.is_done()) {
    got = get(attempt, attempt.frame_offset(), 0, stop);
  }
  if (!got) return got;
  if (!attempt.is_done()) {
    return fail(ErrorCode::unavailable, fmt::format("{}: ended early", attempt.order.url));
  }
  return attempt.pack.finish();
}

Status PatchDownload::run(const PatchOrder& order, storage::PackWriter& pack,
                          const formats::Release& release, const formats::ReleaseArtifact& artifact,
                          const std::stop_token& stop) {
  Result<storage::PartialArtifact> have = pack.begin(artifact.sha256, artifact.size);
  if (!have) return fail(have.error());
  if (have->offset == artifact.size) return pack.finish();
  Result<formats::PatchDecoder> decoder = formats::PatchDecoder::make();
  if (!decoder) return fail(decoder.error());
  ledger_.artifact_begins(release, artifact, have->offset);
  Attempt now{
      order,       pack, artifact, ledger_, storage::PackReader(packs_folder_), std::move(*decoder),
      have->offset};
  Status done = attempt(now, stop);
  if (done || now.progressed) idle_failures_.erase(order.url);
  if (done || !is_of_the_link(done.error().code)) return done;
  if (now.progressed || ++idle_failures_[order.url] < most_idle_failures) return done;
  idle_failures_.erase(order.url);
  return fail(ErrorCode::not_found, fmt::format("{}, {} times without a step forward",
                                                done.error().message, most_idle_failures));
}

}  // namespace ferry::source
