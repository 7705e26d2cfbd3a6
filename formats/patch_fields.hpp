// The list `patches` of an artifact, as release documents and TUF's targets carry it.
#pragma once

#include <vector>

#include "formats/json.hpp"
#include "formats/release.hpp"

namespace ferry::formats {

// Of the object that describes an artifact; none when it has no such list.
Result<std::vector<ArtifactPatch>> patches_from(const Json& artifact);
Json to_json(const std::vector<ArtifactPatch>& patches);

}  // namespace ferry::formats
