// micropython-esp32-ota: a JSON file names the image, its SHA-256 and its length. These clients
// send `Host` without the port, so the image is named relative to the JSON; the newest of them fail
// on a JSON answer that announces its length.
#include "formats/json.hpp"
#include "transports/dialects/common.hpp"

namespace ferry::dialects {
namespace {

// Stands between the JSON's folder and /VERSION/NAME, so that the folder may be any.
constexpr std::string_view marker = "/~/";

Ask recognize_esp32_json(const Match& match, const Request& request, const Device& device) {
  const std::size_t found = request.path.find(marker);
  if (found == std::string_view::npos && request.path.ends_with(".json")) {
    // A release may carry a file of that name; by version it is still /~/VERSION/NAME.
    AskOffer ask;
    ask.device = device;
    return ask;
  }
  Request below = request;
  if (found != std::string_view::npos) below.path.remove_prefix(found + marker.size() - 1);
  return recognize_artifact(match, below, device);
}

Answer answer_esp32_json_offer(const Match& match, const Request& /*request*/, const Offer* offer,
                               const Site& /*site*/) {
  const Artifact* image = offer == nullptr ? nullptr : offer->find("firmware");
  if (image == nullptr) {
    return text_answer(
        404, "there is no firmware for this device of product " + match.profile->name + " now");
  }
  const formats::Json document = {
      {"firmware", std::string(marker.substr(1)) + artifact_path(*image).substr(1)},
      {"sha", image->sha256},
      {"length", image->length}};
  Answer answer = json_answer(formats::to_text(document));
  answer.announce_length = false;
  return answer;
}

Answer answer_esp32_json_artifact(const Match& /*match*/, const AskArtifact& /*ask*/,
                                  const Artifact& artifact) {
  return whole_artifact(artifact);
}

}  // namespace

const Dialect esp32_json_dialect{"esp32-json", recognize_esp32_json, answer_esp32_json_offer,
                                 answer_esp32_json_artifact, plain_failure};

}  // namespace ferry::dialects
