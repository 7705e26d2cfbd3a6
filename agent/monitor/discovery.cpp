#include "agent/monitor/discovery.hpp"

#include <fmt/format.h>

#include "agent/monitor/topics.hpp"
#include "base/digest.hpp"

namespace ferry::monitor {
namespace {

constexpr std::size_t longest_id = 200;

bool is_plain_in_id(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

// '_' is always followed by two digits here, so that what joins parts cannot stand inside one.
std::string part(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += is_plain_in_id(c) ? std::string(1, c)
                             : fmt::format("_{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

std::string entity_id(const std::string& gateway, const EntityOf& of) {
  std::string id = "ferry__" + part(gateway);
  if (!of.id.empty()) id += "__" + part(of.product) + "__" + part(of.id);
  if (id.size() <= longest_id) return id;
  return id.substr(0, longest_id) + "___" + Sha256::of(as_bytes(id)).hex().substr(0, 16);
}

std::string config_topic(const Discovery& discovery, const EntityOf& of) {
  return discovery.prefix + "/update/" + entity_id(discovery.gateway, of) + "/config";
}

formats::Json entity_config(const Discovery& discovery, const EntityOf& of,
                            const std::string& verb) {
  const bool is_gateway = of.id.empty();
  const std::string id = entity_id(discovery.gateway, of);
  formats::Json config = {
      {"name", "Firmware"},
      {"unique_id", id},
      {"device_class", "firmware"},
      {"availability_topic", discovery.root + "status"},
      {"state_topic", discovery.root + (is_gateway ? "state" : device_topic(of.product, of.id))},
      {"value_template", fmt::format("{{{{ value_json.{} | to_json }}}}", entity_state_key)},
      {"qos", 1},
      {"origin", {{"name", "Ferry"}, {"sw_version", discovery.version}}}};
  if (is_gateway) {
    config["device"] = {{"identifiers", {id}},
                        {"name", discovery.gateway},
                        {"model", "Ferry gateway"},
                        {"sw_version", discovery.version}};
  } else {
    config["device"] = {{"identifiers", {id}},
                        {"name", of.id},
                        {"model", of.product},
                        {"via_device", entity_id(discovery.gateway, {})}};
  }
  if (discovery.buttons && !is_gateway && !verb.empty()) {
    config["command_topic"] = discovery.root + "command";
    config["payload_install"] = formats::to_text(
        {{"id", "homeassistant"}, {"command", verb}, {"device", of.id}, {"product", of.product}});
    config["retain"] = false;
  }
  return config;
}

formats::Json to_json(const EntityState& state) {
  formats::Json json = {
      {"title", state.title}, {"in_progress", state.in_progress}, {"update_percentage", nullptr}};
  if (!state.installed.empty()) json["installed_version"] = state.installed;
  if (!state.latest.empty()) json["latest_version"] = state.latest;
  if (state.percentage >= 0) json["update_percentage"] = state.percentage;
  return json;
}

}  // namespace ferry::monitor
