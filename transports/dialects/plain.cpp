// The dialect of home-grown clients: the offer as JSON, the offered image under one lasting name,
// and every artifact by version and name.
#include "formats/json.hpp"
#include "transports/dialects/common.hpp"

namespace ferry::dialects {
namespace {

constexpr std::string_view offer_path = "/offer.json";
constexpr std::string_view image_path = "/firmware";

Ask recognize_plain(const Match& match, const Request& request, const Device& device) {
  if (request.path == offer_path || request.path == image_path) {
    AskOffer ask;
    ask.device = device;
    return ask;
  }
  return recognize_artifact(match, request, device);
}

// The image, or the package that makes it from what the device runs; the role tells which.
Answer image_answer(const Offer* offer) {
  const Artifact* image = offer == nullptr ? nullptr : offer->find("firmware");
  if (image == nullptr && offer != nullptr) image = offer->find("differential");
  if (image == nullptr) return text_answer(204, {});
  return offered_artifact(*image);
}

Answer offer_answer(const Match& match, const Offer* offer, const Site& site) {
  if (offer == nullptr) return text_answer(204, {});
  formats::Json artifacts = formats::Json::array();
  for (const Artifact& artifact : offer->artifacts) {
    formats::Json entry = {
        {"role", artifact.role},     {"version", artifact.version},
        {"name", artifact.name},     {"url", percent_encoded(site.root) + artifact_path(artifact)},
        {"length", artifact.length}, {"sha256", artifact.sha256}};
    if (!artifact.dst_path.empty()) entry["dst_path"] = artifact.dst_path;
    artifacts.push_back(std::move(entry));
  }
  formats::Json document = {{"product", match.profile->name},
                            {"version", offer->version},
                            {"artifacts", std::move(artifacts)}};
  if (!offer->from_version.empty()) document["from_version"] = offer->from_version;
  return json_answer(formats::to_text(document));
}

Answer answer_plain_offer(const Match& match, const Request& request, const Offer* offer,
                          const Site& site) {
  return request.path == image_path ? image_answer(offer) : offer_answer(match, offer, site);
}

Answer answer_plain_artifact(const Match& /*match*/, const AskArtifact& /*ask*/,
                             const Artifact& artifact) {
  return whole_artifact(artifact);
}

}  // namespace

const Dialect plain_dialect{"plain", recognize_plain, answer_plain_offer, answer_plain_artifact,
                            plain_failure};

}  // namespace ferry::dialects
