// How Home Assistant finds the gateway and its devices: an `update` entity for each, by MQTT
// discovery (docs/monitoring.md, "Home Assistant"). Pure.
#pragma once

#include <string>

#include "formats/json.hpp"

namespace ferry::monitor {

// Where Home Assistant reads an entity's state in the JSON of its topic.
inline constexpr const char* entity_state_key = "home_assistant";

// What an entity is of. Without product and id: the gateway itself.
struct EntityOf {
  std::string product;
  std::string id;
};

struct Discovery {
  std::string prefix;   // "homeassistant"
  std::string root;     // "ferry/van-1/"
  std::string gateway;  // its name
  std::string version;  // of ferryd
  bool buttons = true;  // commands are heard, and need no signature
};

// Unique among all entities of all gateways, of [A-Za-z0-9_-] and at most 219 characters.
std::string entity_id(const std::string& gateway, const EntityOf& of);

// PREFIX/update/ENTITY/config
std::string config_topic(const Discovery& discovery, const EntityOf& of);

// What is retained there. `verb` is the command that its button sends for the device, "" without a
// button.
formats::Json entity_config(const Discovery& discovery, const EntityOf& of,
                            const std::string& verb);

// What an entity shows.
struct EntityState {
  std::string installed;  // "" unknown
  std::string latest;     // "" unknown
  std::string title;
  bool in_progress = false;
  int percentage = -1;  // -1 unknown, or nothing in progress
};
// Home Assistant drops a payload with any other key, and with a null for a version.
formats::Json to_json(const EntityState& state);

}  // namespace ferry::monitor
