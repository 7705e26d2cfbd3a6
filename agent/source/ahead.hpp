// Small artifacts of one release, fetched side by side: each by itself would cost a round trip.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "agent/source/http_client.hpp"
#include "formats/release.hpp"

namespace ferry::source {

// On the source's thread.
class Ahead {
 public:
  using Locate = std::function<std::string(const formats::ReleaseArtifact&)>;

  // In memory at once, and fetched again after a kill: at most `most_bytes`.
  static constexpr std::uint64_t most_bytes = 1U << 20U;
  static constexpr std::size_t most_artifacts = 32;
  // Larger ones have no use of it, and are resumed where they stopped.
  static constexpr std::uint64_t small = 128U << 10U;

  // `client` must outlive it.
  explicit Ahead(HttpClient& client) : client_(client) {}

  // The bytes of `next.front()`, right by size and SHA-256, from what came when one before it was
  // asked for, or by asking for it and those small ones that follow. Nothing when it has to be
  // fetched by itself: it is not small, goes alone, or did not come whole.
  std::optional<std::string> take(std::span<const formats::ReleaseArtifact* const> next,
                                  const Locate& locate, const std::stop_token& stop);
  // What was not taken.
  void forget() { here_.clear(); }

 private:
  void fetch(std::span<const formats::ReleaseArtifact* const> some, const Locate& locate,
             const std::stop_token& stop);

  HttpClient& client_;
  std::map<Sha256, std::string> here_;
};

}  // namespace ferry::source
