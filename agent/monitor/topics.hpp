// What the gateway says over MQTT: topics and payloads (docs/monitoring.md). Pure.
#pragma once

#include <string>
#include <string_view>

#include "storage/store.hpp"

namespace ferry::monitor {

// One part of a topic made of any text: what is not [A-Za-z0-9._:@~-] is written %XX, so that no
// two ids share a topic and none escapes its level. Longer than 200 bytes: cut, with a digest at
// the end.
std::string topic_part(std::string_view text);

// "PREFIX/GATEWAY/"
std::string topic_root(const std::string& prefix, const std::string& gateway);

// "device/PRODUCT/ID": ids are unique within their product alone.
std::string device_topic(const std::string& product, const std::string& id);

// {"sequence","time","kind","detail"}
std::string event_payload(const storage::Event& event);

}  // namespace ferry::monitor
