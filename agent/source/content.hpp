// What can be known of an artifact's content beyond its hash, looked at before its release is
// admitted: no device shall be offered what it would refuse, or what would harm it.
#pragma once

#include <string>
#include <vector>

#include "agent/source/source.hpp"

namespace ferry::source {

// Reads the release's images that begin as MCUboot's, and its archives, from sealed packs: those in
// `sealed`, or where they are held already. ErrorCode::invalid or corrupt names the artifact and
// the reason; other errors are the store's. An image that is encrypted cannot be checked, and is
// taken with a log line. On the source's thread.
Status check_content(const Context& context, const std::string& source,
                     const formats::Release& release,
                     const std::vector<storage::StoredArtifact>& sealed);

}  // namespace ferry::source
