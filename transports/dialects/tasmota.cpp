// Tasmota: an Arduino updater that names files. What it asks for first is its own image, packed or
// not; when that does not fit beside the image it runs, an ESP8266 asks for NAME-minimal of the
// same kind, starts it, and asks from there for its own image again.
#include "transports/dialects/arduino.hpp"

namespace ferry::dialects {
namespace {

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// "14.2.0.3(release-tasmota)" → "14.2.0.3". The minimal image has the version of the release it
// came with, and is only a step on the way to that release: it counts as no version.
std::string_view version_of(std::string_view text) {
  const std::size_t bracket = std::min(text.find('('), text.size());
  const std::string_view image = text.substr(bracket);
  if (image.ends_with("minimal)")) return {};
  return text.substr(0, bracket);
}

// Whether this file stands in for the image when that does not fit: "tasmota-minimal.bin.gz".
bool is_minimal(std::string_view name) {
  name = name.substr(0, name.find('.'));
  return name.ends_with("-minimal");
}

Ask recognize_tasmota(const Match& match, const Request& request, const Device& device) {
  const Updater updater = updater_of(request);
  return recognize_updater(match, request, device, updater, version_of(updater.version));
}

// The artifact of that name, wherever it lies in its release; for its own image the firmware will
// do, whatever that is called: the device looks at the first byte, not at the name.
const Artifact* named(const Offer& offer, std::string_view name) {
  for (const Artifact& artifact : offer.artifacts) {
    if (last_part(artifact.name) == name) return &artifact;
  }
  return is_minimal(name) ? nullptr : offer.find("firmware");
}

Answer answer_tasmota_offer(const Match& match, const Request& request, const Offer* offer,
                            const Site& /*site*/) {
  if (offer == nullptr) return not_modified();
  const std::string_view name = last_part(request.path);
  const Artifact* image = named(*offer, name);
  if (image == nullptr) {
    return text_answer(404, "release " + offer->version + " of product " + match.profile->name +
                                " has no " + std::string(name));
  }
  if (!runs(updater_of(request), *image)) return updater_answer(*image);
  // The minimal image is only a step on the way.
  return is_minimal(name) ? not_modified() : runs_already(*image);
}

Answer answer_tasmota_artifact(const Match& /*match*/, const AskArtifact& /*ask*/,
                               const Artifact& artifact) {
  return whole_artifact(artifact);
}

}  // namespace

const Dialect tasmota_dialect{"tasmota", recognize_tasmota, answer_tasmota_offer,
                              answer_tasmota_artifact, plain_failure};

}  // namespace ferry::dialects
