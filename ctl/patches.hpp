// Makes the patches of a publication (docs/release-format.md, "Patches").
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "formats/release.hpp"

namespace ferry::ctl {

class PatchMaker {
 public:
  // The file in which the bytes of a published artifact lie.
  using Locate = std::function<std::filesystem::path(const formats::Release& release,
                                                     const formats::ReleaseArtifact& artifact)>;

  // Patches go below `folder`/patches, which their URLs are relative to. They start from the
  // `versions` versions before a release; with nothing, none are made.
  PatchMaker(std::filesystem::path folder, std::optional<unsigned> versions, Locate locate)
      : folder_(std::move(folder)), versions_(versions), locate_(std::move(locate)) {}

  // The release, whose artifacts lie where they are published, may be the base of those after it.
  // Releases are given from the oldest version on.
  void add(formats::Release release) { before_.push_back(std::move(release)); }
  // Gives the artifacts of a release their patches: those that save at least a tenth. Takes minutes
  // for images of many megabytes.
  Status make(formats::Release& release);

  std::uint64_t count() const { return count_; }  // of the patches given

 private:
  Status make(formats::Release& release, formats::ReleaseArtifact& artifact);
  // Null for `base`: the artifact compressed.
  Status offer(const std::filesystem::path* base, const std::optional<Sha256>& base_sha256,
               const std::filesystem::path& target, formats::ReleaseArtifact& artifact);

  const std::filesystem::path folder_;
  const std::optional<unsigned> versions_;
  const Locate locate_;
  std::vector<formats::Release> before_;
  std::uint64_t count_ = 0;
};

}  // namespace ferry::ctl
