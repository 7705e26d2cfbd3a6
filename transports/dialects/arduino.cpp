#include "transports/dialects/arduino.hpp"

#include <algorithm>

#include "formats/padding.hpp"
#include "formats/release.hpp"

namespace ferry::dialects {
namespace {

constexpr const char* updater_digest = "md5";

// The value of "x-ESP8266-NAME" or "x-ESP32-NAME", or "".
std::string_view told(const Request& request, const std::string& name) {
  if (const auto value = header(request, "x-ESP8266-" + name)) return *value;
  return header(request, "x-ESP32-" + name).value_or(std::string_view());
}

// ESP8266 write hex digits in lower case, ESP32 in upper.
bool same_hex(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; };
  return !left.empty() && left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace

Updater updater_of(const Request& request) {
  Updater updater;
  updater.station = told(request, "STA-MAC");
  updater.version = told(request, "version");
  updater.mode = told(request, "mode");
  updater.sketch_md5 = told(request, "sketch-md5");
  updater.sketch_sha256 = told(request, "sketch-sha256");
  return updater;
}

Ask recognize_updater(const Match& match, const Request& request, Device device,
                      const Updater& updater, std::string_view version) {
  const Profile& profile = *match.profile;
  const bool by_address = profile.device_id.empty() || profile.device_id == "address";
  if (by_address && is_device_id(updater.station)) device.id = updater.station;
  // Sketches call their versions what they like; one that is no name here is none.
  if (profile.device_version.empty() && formats::is_name(version)) device.version = version;
  device.image = updater.sketch_sha256.empty() ? updater.sketch_md5 : updater.sketch_sha256;
  std::vector<std::string> want{updater_digest};
  if (!updater.sketch_sha256.empty()) want.emplace_back(formats::appended_digest);
  return recognize_anywhere(match, request, device, std::move(want));
}

bool runs(const Updater& updater, const Artifact& image) {
  return same_hex(updater.sketch_md5, digest_of(image, updater_digest)) ||
         same_hex(updater.sketch_sha256, digest_of(image, formats::appended_digest)) ||
         same_hex(updater.sketch_sha256, image.sha256);
}

Answer runs_already(const Artifact& image) {
  Answer answer = not_modified();
  answer.runs = image.version;
  return answer;
}

Answer updater_answer(const Artifact& image) {
  const std::string_view digest = digest_of(image, updater_digest);
  if (digest.empty()) return text_answer(503, "the image is not ready; ask again");
  Answer answer = offered_artifact(image);
  answer.md5 = digest;
  return answer;
}

}  // namespace ferry::dialects
