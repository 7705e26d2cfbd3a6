// ESPHome: a manifest that its update component reads, or an image and the file with its MD5 that
// an automation names. It compares versions by itself, for equality alone.
#include "formats/json.hpp"
#include "transports/dialects/common.hpp"

namespace ferry::dialects {
namespace {

constexpr const char* manifest_digest = "md5";

bool is_manifest(const Request& request) {
  return request.path.ends_with(".json");
}

bool is_md5_file(const Request& request) {
  return request.path.ends_with(".md5");
}

Ask recognize_esphome(const Match& match, const Request& request, const Device& device) {
  return recognize_anywhere(match, request, device, {manifest_digest});
}

// Relative to the host of the manifest. The client takes a path with "http" anywhere in it for a
// whole URL: then an escaped letter says the same.
std::string path_of(const Artifact& image, const Site& site) {
  std::string path = percent_encoded(site.root) + artifact_path(image);
  for (std::size_t at = 0; (at = path.find("http", at)) != std::string::npos;) {
    path.replace(at, 1, "%68");
  }
  return path;
}

// A manifest without a version means that there is nothing to do; an error would be shown as one.
Answer manifest(const Match& match, const Artifact* image, const Site& site) {
  const formats::Json ota = {{"path", image == nullptr ? std::string() : path_of(*image, site)},
                             {"md5", image == nullptr ? "" : digest_of(*image, manifest_digest)}};
  const formats::Json build = {{"chipFamily", match.profile->chip_family}, {"ota", ota}};
  const formats::Json document = {{"name", match.profile->name},
                                  {"version", image == nullptr ? "" : image->version},
                                  {"builds", formats::Json::array({build})}};
  return json_answer(formats::to_text(document));
}

Answer answer_esphome_offer(const Match& match, const Request& request, const Offer* offer,
                            const Site& site) {
  const Artifact* image = offer == nullptr ? nullptr : offer->find("firmware");
  if (image != nullptr && digest_of(*image, manifest_digest).empty()) {
    return text_answer(503, "the image is not ready; ask again");
  }
  if (is_manifest(request)) return manifest(match, image, site);
  if (image == nullptr) {
    return text_answer(404, "there is no firmware for product " + match.profile->name + " now");
  }
  if (is_md5_file(request))
    return text_answer(200, std::string(digest_of(*image, manifest_digest)));
  return offered_artifact(*image);
}

Answer answer_esphome_artifact(const Match& /*match*/, const AskArtifact& /*ask*/,
                               const Artifact& artifact) {
  return whole_artifact(artifact);
}

}  // namespace

const Dialect esphome_dialect{"esphome", recognize_esphome, answer_esphome_offer,
                              answer_esphome_artifact, plain_failure};

}  // namespace ferry::dialects
