// What the HTTP updaters of the Arduino cores say of themselves in every request: ESP8266httpUpdate
// in x-ESP8266-… headers, ESP32's HTTPUpdate in x-ESP32-… ones. Internal to this room.
#pragma once

#include <string_view>

#include "transports/dialects/common.hpp"

namespace ferry::dialects {

// Views into the request; "" what it does not say.
struct Updater {
  std::string_view station;        // its MAC address
  std::string_view version;        // whatever the sketch calls its version
  std::string_view mode;           // "sketch", "spiffs", "version"
  std::string_view sketch_md5;     // of the image it runs, not packed: ESP8266
  std::string_view sketch_sha256;  // of the image it runs but for its last 32 bytes: ESP32
};
Updater updater_of(const Request& request);

// The Ask of an updater: its MAC address is its id unless the profile says otherwise, `version`
// counts unless the profile says where one stands.
Ask recognize_updater(const Match& match, const Request& request, Device device,
                      const Updater& updater, std::string_view version);

// True when the device says by a digest that it runs this image: the only way to tell for those
// without a version, which would else be given the same image for ever.
bool runs(const Updater& updater, const Artifact& image);

// 304 to a device that runs this image, with the version that it runs so.
Answer runs_already(const Artifact& image);
// The image with the MD5 that these clients enforce.
Answer updater_answer(const Artifact& image);

}  // namespace ferry::dialects
