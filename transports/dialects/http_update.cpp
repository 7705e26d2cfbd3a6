// ESP8266httpUpdate and ESP32's HTTPUpdate: one GET, with HTTP/1.0, for the image itself at
// whatever path the sketch names; 304 when there is nothing to do. The same question with the mode
// "spiffs" is for the file system, which must never be answered with the program.
#include <array>

#include "transports/dialects/arduino.hpp"

namespace ferry::dialects {
namespace {

// What the Arduino tools call the images of file systems that they build.
constexpr std::array<std::string_view, 3> file_system_names = {"littlefs.bin", "spiffs.bin",
                                                               "fatfs.bin"};

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

const Artifact* file_system(const Offer& offer) {
  for (const Artifact& artifact : offer.artifacts) {
    for (const std::string_view name : file_system_names) {
      if (artifact.role == "file" && last_part(artifact.name) == name) return &artifact;
    }
  }
  return nullptr;
}

Ask recognize_http_update(const Match& match, const Request& request, const Device& device) {
  const Updater updater = updater_of(request);
  return recognize_updater(match, request, device, updater, updater.version);
}

Answer answer_http_update_offer(const Match& /*match*/, const Request& request, const Offer* offer,
                                const Site& /*site*/) {
  if (offer == nullptr) return not_modified();
  const Updater updater = updater_of(request);
  if (updater.mode == "spiffs") {
    const Artifact* image = file_system(*offer);
    return image == nullptr ? not_modified() : updater_answer(*image);
  }
  const Artifact* image = offer->find("firmware");
  if (image == nullptr) return not_modified();
  if (runs(updater, *image)) return runs_already(*image);
  // It asks what there is, and wants no image now.
  if (updater.mode == "version") return text_answer(200, image->version);
  return updater_answer(*image);
}

Answer answer_http_update_artifact(const Match& /*match*/, const AskArtifact& /*ask*/,
                                   const Artifact& artifact) {
  return whole_artifact(artifact);
}

}  // namespace

const Dialect http_update_dialect{"http-update", recognize_http_update, answer_http_update_offer,
                                  answer_http_update_artifact, plain_failure};

}  // namespace ferry::dialects
