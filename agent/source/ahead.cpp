#include "agent/source/ahead.hpp"

#include <vector>

namespace ferry::source {
namespace {

using formats::ReleaseArtifact;

// One with patches may come by a shorter way.
bool goes_along(const ReleaseArtifact& artifact) {
  return artifact.size > 0 && artifact.size <= Ahead::small && artifact.patches.empty();
}

// Those at the beginning that are fetched together.
std::span<const ReleaseArtifact* const> first_of(std::span<const ReleaseArtifact* const> next) {
  std::size_t count = 0;
  for (std::uint64_t bytes = 0; count < next.size() && count < Ahead::most_artifacts; ++count) {
    bytes += next[count]->size;
    if (!goes_along(*next[count]) || bytes > Ahead::most_bytes) break;
  }
  return next.first(count);
}

Status check_head(const HttpHead& head, const ReleaseArtifact& artifact) {
  if (head.status != 200) return unexpected_status(head.status);
  if (head.content_length && *head.content_length != artifact.size) {
    return fail(ErrorCode::corrupt, "has another size");
  }
  return check_encoding(head);
}

Status add(std::string& content, Bytes piece, const ReleaseArtifact& artifact) {
  if (piece.size() > artifact.size - content.size()) return fail(ErrorCode::corrupt, "is larger");
  content += as_text(piece);
  return {};
}

}  // namespace

void Ahead::fetch(std::span<const ReleaseArtifact* const> some, const Locate& locate,
                  const std::stop_token& stop) {
  std::vector<std::string> contents(some.size());
  std::vector<HttpFetch> fetches(some.size());
  for (std::size_t i = 0; i < some.size(); ++i) {
    const ReleaseArtifact& artifact = *some[i];
    std::string& content = contents[i];
    fetches[i].request.url = locate(artifact);
    fetches[i].head = [&artifact](const HttpHead& head) { return check_head(head, artifact); };
    fetches[i].body = [&artifact, &content](Bytes piece) { return add(content, piece, artifact); };
  }
  client_.get_all(fetches, stop);
  for (std::size_t i = 0; i < some.size(); ++i) {
    // What went wrong is told by who fetches it by itself.
    const bool right = fetches[i].done && contents[i].size() == some[i]->size &&
                       Sha256::of(as_bytes(contents[i])) == some[i]->sha256;
    if (right) here_.emplace(some[i]->sha256, std::move(contents[i]));
  }
}

std::optional<std::string> Ahead::take(std::span<const ReleaseArtifact* const> next,
                                       const Locate& locate, const std::stop_token& stop) {
  const Sha256& wanted = next.front()->sha256;
  if (!here_.contains(wanted)) {
    const auto some = first_of(next);
    if (some.size() < 2) return std::nullopt;
    here_.clear();
    fetch(some, locate, stop);
  }
  auto found = here_.extract(wanted);
  if (found.empty()) return std::nullopt;
  return std::move(found.mapped());
}

}  // namespace ferry::source
