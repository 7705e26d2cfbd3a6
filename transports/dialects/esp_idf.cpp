// ESP-IDF's esp_https_ota: the image itself at whatever path the application names, whole, from
// byte N on, or in ranges after a HEAD. It sends no If-Range and takes nothing but 206 for a range,
// so the lasting name is served in ranges without one: should a release come in between, the
// SHA-256 that these images end with tells the device, which begins afresh.
#include "transports/dialects/common.hpp"

namespace ferry::dialects {
namespace {

Ask recognize_esp_idf(const Match& match, const Request& request, const Device& device) {
  return recognize_anywhere(match, request, device);
}

Answer answer_esp_idf_offer(const Match& /*match*/, const Request& /*request*/, const Offer* offer,
                            const Site& /*site*/) {
  const Artifact* image = offer == nullptr ? nullptr : offer->find("firmware");
  if (image == nullptr) return not_modified();
  Answer answer = offered_artifact(*image);
  answer.ranges = Ranges::always;
  return answer;
}

Answer answer_esp_idf_artifact(const Match& /*match*/, const AskArtifact& /*ask*/,
                               const Artifact& artifact) {
  return whole_artifact(artifact);
}

}  // namespace

const Dialect esp_idf_dialect{"esp-idf", recognize_esp_idf, answer_esp_idf_offer,
                              answer_esp_idf_artifact, plain_failure};

}  // namespace ferry::dialects
