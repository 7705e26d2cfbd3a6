// From the targets of a TUF repository to releases: what their `custom` says
// (docs/release-format.md). Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/source/tuf/metadata.hpp"
#include "base/digest.hpp"
#include "formats/release.hpp"

namespace ferry::source {

// Paths of targets, with what the role that speaks for each says of it.
using TufTargets = std::map<std::string, const tuf::TargetFile*>;

struct TufRelease {
  formats::Release release;
  std::map<std::string, std::string> paths;  // of the targets, by the artifact's name
  Sha256 identity;                           // differs when any of its targets does
  bool urgent = false;                       // one of its targets says so
};

struct TufReleases {
  struct Refused {
    std::string what;  // a path, or a release
    std::string why;
  };
  std::vector<TufRelease> releases;  // ordered by product, version and channel
  std::vector<Refused> refused;
};

// Targets without `custom.ferry` are none of Ferry's. A release is taken when it has exactly as
// many artifacts as each of its targets says; what it must keep otherwise is check_release()'s.
TufReleases releases_of(const TufTargets& targets);

}  // namespace ferry::source
