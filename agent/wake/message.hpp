// What a device is told over MQTT by each template (docs/mqtt-wake-ups.md). Pure. Sources:
// ChirpStack v4, "Integrations / MQTT: Enqueue downlink"; The Things Stack, "MQTT Server:
// Scheduling downlinks"; esp32-secure-base, its OTA message.
#pragma once

#include <string>

#include "base/result.hpp"
#include "config/settings.hpp"

namespace ferry::wake {

struct Message {
  std::string topic;
  std::string payload;
};

// The image that url-md5 tells of; the other templates tell of none.
struct Image {
  std::string version;
  std::string name;  // of the artifact
  std::string md5;   // lower-case hex
};

// Longest text that esp32-secure-base takes, in bytes.
inline constexpr std::size_t longest_url_md5 = 128;

// `name` is the device's in its network. ErrorCode::invalid: it cannot be called so there;
// ErrorCode::too_large: URL and digest are longer than its device takes.
Result<Message> message_for(const config::WakeSettings& settings, const std::string& name,
                            const Image& image);

}  // namespace ferry::wake
