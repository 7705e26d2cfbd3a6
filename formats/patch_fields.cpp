#include "formats/patch_fields.hpp"

#include <fmt/format.h>

#include "formats/patch.hpp"

namespace ferry::formats {
namespace {

Result<ArtifactPatch> patch_from(const Json& json) {
  ArtifactPatch patch;
  Result<std::string> url = text_at(json, "url");
  if (!url) return fail(url.error());
  if (!is_site_url(*url)) {
    return fail(ErrorCode::invalid, "its url is not a relative URL of plain names");
  }
  patch.url = std::move(*url);
  if (json.contains("base")) {
    const Result<Sha256> base = sha256_at(json, "base");
    if (!base) return fail(base.error());
    patch.base = *base;
  }
  const Result<std::uint64_t> size = unsigned_at(json, "size");
  if (!size) return fail(size.error());
  patch.size = *size;
  const Result<std::uint64_t> head_size = unsigned_at(json, "head_size");
  if (!head_size) return fail(head_size.error());
  patch.head_size = *head_size;
  if (patch.head_size > patch_head_limit || patch.head_size > patch.size) {
    return fail(ErrorCode::too_large, "its head_size is beyond 256 KiB or its size");
  }
  const Result<Sha256> head = sha256_at(json, "head_sha256");
  if (!head) return fail(head.error());
  patch.head = *head;
  return patch;
}

}  // namespace

Result<std::vector<ArtifactPatch>> patches_from(const Json& artifact) {
  std::vector<ArtifactPatch> patches;
  const auto list = artifact.find("patches");
  if (list == artifact.end()) return patches;
  if (!list->is_array() || list->size() > patch_count_limit) {
    return fail(ErrorCode::invalid,
                fmt::format("'patches' is not a list of at most {}", patch_count_limit));
  }
  for (const Json& entry : *list) {
    Result<ArtifactPatch> patch = patch_from(entry);
    if (!patch) return fail(patch.error(), fmt::format("patch {}", patches.size()));
    patches.push_back(std::move(*patch));
  }
  return patches;
}

Json to_json(const std::vector<ArtifactPatch>& patches) {
  Json list = Json::array();
  for (const ArtifactPatch& patch : patches) {
    Json json = {{"url", patch.url},
                 {"size", patch.size},
                 {"head_size", patch.head_size},
                 {"head_sha256", patch.head.hex()}};
    if (patch.base) json["base"] = patch.base->hex();
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace ferry::formats
