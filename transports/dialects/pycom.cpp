// Pycom's manifest dialect. The client knows nothing of HTTP but the end of the header block, and
// that only when it falls inside one read of 100 bytes; whatever follows it takes for the file,
// whatever the status.
#include <map>

#include "formats/json.hpp"
#include "formats/release.hpp"
#include "transports/dialects/common.hpp"

namespace ferry::dialects {
namespace {

using formats::Json;

constexpr std::string_view manifest_path = "/manifest.json";
constexpr std::string_view image_prefix = "/firmware_";
constexpr std::string_view image_suffix = ".bin";
constexpr const char* digest = "sha1";

// The version in "/firmware_VERSION.bin".
std::optional<std::string_view> image_version(std::string_view path) {
  if (!path.starts_with(image_prefix) || !path.ends_with(image_suffix)) return std::nullopt;
  if (path.size() <= image_prefix.size() + image_suffix.size()) return std::nullopt;
  path.remove_prefix(image_prefix.size());
  path.remove_suffix(image_suffix.size());
  return formats::is_name(path) ? std::optional(path) : std::nullopt;
}

Ask recognize_pycom(const Match& match, const Request& request, const Device& device) {
  if (request.path == manifest_path) {
    AskOffer ask;
    ask.device = device;
    ask.want.emplace_back(digest);
    if (const auto version = query(request, "current_ver"); version && !version->empty()) {
      if (!formats::is_name(*version)) {
        Refusal refusal;
        refusal.status = 400;
        refusal.text = "current_ver is no version: letters, digits and ._+~- are expected";
        return refusal;
      }
      ask.device.version = *version;
    }
    return ask;
  }
  if (const auto version = image_version(request.path)) {
    AskArtifact ask;
    ask.device = device;
    ask.version = *version;
    ask.name = request.path.substr(1);
    return ask;
  }
  return recognize_artifact(match, request, device);
}

std::string url_of(const Artifact& artifact, const std::string& base) {
  const std::string alias = "firmware_" + artifact.version + ".bin";
  if (artifact.name == alias) return base + "/" + percent_encoded(alias);
  return base + artifact_path(artifact);
}

// What changes between the files that the device has and those that it should have. Exact, for a
// file named here that the device does not have makes it stop half way. Without knowledge of what
// it has every file is new and none goes; an offer that has no files leaves all as they are.
void add_difference(const Offer& offer, const std::string& base, Json& manifest) {
  std::map<std::string_view, std::string_view> present;
  if (offer.base_known) {
    for (const BaseFile& file : offer.base_files) present[file.dst_path] = file.sha256;
  }
  bool any = false;
  for (const Artifact& artifact : offer.artifacts) {
    if (artifact.role != "file") continue;
    any = true;
    const auto found = present.find(artifact.dst_path);
    const bool known = found != present.end();
    const bool same = known && found->second == artifact.sha256;
    if (known) present.erase(found);
    if (same) continue;
    manifest[known ? "update" : "new"].push_back({{"URL", url_of(artifact, base)},
                                                  {"dst_path", "/" + artifact.dst_path},
                                                  {"hash", artifact.digests.at(digest)}});
  }
  if (!any) return;
  for (const auto& [path, sha256] : present) manifest["delete"].push_back(path);
}

// To this client null is "no update", the gentlest thing to say whatever went wrong.
Answer null_answer(int status) {
  Answer answer = json_answer("null");
  answer.status = status;
  return answer;
}

Answer manifest_answer(const Offer& offer, const Request& request, const Site& site) {
  if (!has_urls(site)) {
    return text_answer(400,
                       "the request has no Host header (or one that is no host): it is needed to "
                       "build the URLs in the manifest; send 'Host: ADDRESS:PORT'");
  }
  for (const Artifact& artifact : offer.artifacts) {
    if (!artifact.digests.contains(digest)) return null_answer(503);
  }
  const std::string base = authority(site) + percent_encoded(site.root);
  Json manifest = {{"delete", Json::array()},
                   {"new", Json::array()},
                   {"update", Json::array()},
                   {"version", offer.version}};
  const auto current = query(request, "current_ver");
  if (current && !current->empty()) manifest["previous_version"] = *current;
  add_difference(offer, base, manifest);
  if (const Artifact* image = offer.find("firmware")) {
    manifest["firmware"] = {{"URL", url_of(*image, base)}, {"hash", image->digests.at(digest)}};
  }
  return json_answer(formats::to_text(manifest));
}

Answer answer_pycom_offer(const Match& /*match*/, const Request& request, const Offer* offer,
                          const Site& site) {
  Answer answer = offer == nullptr ? null_answer(200) : manifest_answer(*offer, request, site);
  answer.pad_header = true;
  return answer;
}

Answer answer_pycom_artifact(const Match& /*match*/, const AskArtifact& /*ask*/,
                             const Artifact& artifact) {
  Answer answer = whole_artifact(artifact);
  answer.pad_header = true;
  return answer;
}

// It never checks its firmware's hash, so the text of an error would be flashed: break off instead.
Answer pycom_failure(const Match& /*match*/, const Ask& ask, int status, std::string text) {
  const bool bytes = std::holds_alternative<AskArtifact>(ask);
  Answer answer = bytes ? text_answer(status, std::move(text)) : null_answer(status);
  answer.pad_header = true;
  answer.break_off = bytes;
  return answer;
}

}  // namespace

const Dialect pycom_dialect{"pycom", recognize_pycom, answer_pycom_offer, answer_pycom_artifact,
                            pycom_failure};

}  // namespace ferry::dialects
