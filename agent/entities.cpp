// Devices as the broker hears of them, and how Home Assistant shows them.
#include <algorithm>

#include "agent/monitor/topics.hpp"
#include "agent/state.hpp"

namespace ferry::agent {
namespace {

using storage::DeliveryState;

const config::ProductSettings* product_of(const config::Settings& settings,
                                          const std::string& name) {
  const auto& products = settings.products;
  const auto found = std::find_if(products.begin(), products.end(),
                                  [&](const auto& product) { return product.name == name; });
  return found == products.end() ? nullptr : &*found;
}

// Whether something happens with it that ends by itself. What waits for an operator's word does
// not: while something is in progress Home Assistant offers no button.
bool in_progress(const storage::Delivery& delivery, const config::ProductSettings& product) {
  switch (delivery.state) {
    case DeliveryState::transferring:
    case DeliveryState::activated:
    case DeliveryState::confirming:
      return true;
    case DeliveryState::transferred:
      return product.install == config::InstallWhen::at_once || delivery.may_install;
    default:
      return false;
  }
}

monitor::Discovery discovery_of(const config::Settings& settings) {
  const auto& wanted = settings.monitor;
  return {wanted.discovery_prefix, monitor::topic_root(wanted.prefix, settings.gateway.name),
          settings.gateway.name, FERRY_VERSION, wanted.commands && wanted.command_key.empty()};
}

}  // namespace

monitor::EntityState Agent::State::entity_state(const storage::Device& device) const {
  monitor::EntityState shown{device.version, desk->due_version(device), device.product, false, -1};
  const auto* product = product_of(options.settings, device.product);
  const auto* newest = desk->deliveries().newest(device.product, device.id);
  if (product == nullptr || newest == nullptr || !in_progress(*newest, *product)) return shown;
  shown.latest = newest->version;
  shown.in_progress = true;
  if (newest->state == DeliveryState::transferring && newest->bytes_total > 0) {
    const auto done = std::min(newest->bytes_done, newest->bytes_total);
    shown.percentage = static_cast<int>(static_cast<double>(done) * 100.0 /
                                        static_cast<double>(newest->bytes_total));
  }
  return shown;
}

// At the topic that every reader has: a delivery costs no message more for Home Assistant.
void Agent::State::publish_device(const storage::Device& device) {
  Json value = device_json(device);
  if (tells_home_assistant()) {
    value[monitor::entity_state_key] = monitor::to_json(entity_state(device));
    publish_entity(device);
  }
  monitor->publish_device(device.product, device.id, value);
}

// A device whose product is no longer configured gets nothing any more, and is not shown.
void Agent::State::publish_entity(const storage::Device& device) {
  const auto discovery = discovery_of(options.settings);
  const monitor::EntityOf of{device.product, device.id};
  const auto* product = product_of(options.settings, device.product);
  if (product == nullptr) {
    return monitor->publish_entity(monitor::config_topic(discovery, of), nullptr);
  }
  // Where devices start what they have at once, the button brings it at once.
  const bool at_once = product->install == config::InstallWhen::at_once;
  monitor->publish_entity(monitor::config_topic(discovery, of),
                          monitor::entity_config(discovery, of, at_once ? "force" : "install"));
}

void Agent::State::publish_gateway_entity() {
  if (!tells_home_assistant()) return;
  const auto discovery = discovery_of(options.settings);
  monitor->publish_entity(monitor::config_topic(discovery, {}),
                          monitor::entity_config(discovery, {}, ""));
}

// Other releases are here: what is for each device may be another one. Equal messages are not sent.
void Agent::State::publish_devices_again() {
  if (!tells_home_assistant()) return;
  for (const auto& [key, device] : desk->devices()) publish_device(device);
}

}  // namespace ferry::agent
