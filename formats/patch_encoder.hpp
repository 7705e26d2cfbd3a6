// Makes patches, for those who publish.
#pragma once

#include <functional>

#include "formats/mcuboot.hpp"
#include "formats/patch.hpp"

namespace ferry::formats {

struct PatchContent {
  ReadContent read;
  std::uint64_t size = 0;  // bytes
};

// The head of a patch from `base`, or with null of the target compressed; its frames go to `sink`
// in their order. The window of each segment is where most of the segment's blocks occur in the
// base. Takes some 100 MiB of memory, and minutes for an image of 64 MiB. ErrorCode::invalid for an
// empty target.
Result<PatchHead> encode_patch(const PatchContent* base, const PatchContent& target,
                               const std::function<Status(Bytes frame)>& sink);

// What head_size() of a patch to a target of that size will be, so that room can be left for it.
std::uint64_t planned_head_size(const PatchContent* base, const PatchContent& target);

}  // namespace ferry::formats
