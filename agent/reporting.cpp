// What is told to the broker, and to those who watch the control socket.
#include "agent/state.hpp"

namespace ferry::agent {

void Agent::State::start_monitor() {
  monitor::MonitorOptions wanted;
  wanted.gateway = options.settings.gateway.name;
  wanted.settings = options.settings.monitor;
  wanted.on_command = [this](Result<std::string> payload) {
    asio::post(loop, [this, payload = std::move(payload)] { hear(payload); });
  };
  wanted.on_connected = [this] { asio::post(loop, [this] { look_for_sleepers(); }); };
  monitor = std::make_unique<monitor::Monitor>(wanted, store->outbox());
  for (const auto& [key, device] : desk->devices()) device_changed(device);
  publish_gateway_entity();
}

void Agent::State::device_changed(const storage::Device& device) {
  look_soon();
  const Json value = device_json(device);
  if (server) server->publish_event("device", device.product + "/" + device.id, value);
  if (reports()) publish_device(device);
}

void Agent::State::delivery_changed(const storage::Delivery& delivery) {
  const bool watched = server && server->watched();
  if (!watched && !reports()) return;
  const Json value = to_json(delivery, desk->reason(delivery));
  if (watched) server->publish_event("delivery", std::to_string(delivery.id), value);
  report_transfer(delivery, value);
}

void Agent::State::delivery_moved(const storage::Delivery& delivery) {
  const bool watched = server && server->watched();
  if (!watched && !reports()) return;
  const Json value = to_json(delivery, desk->reason(delivery));
  if (watched) server->publish_progress("delivery", std::to_string(delivery.id), value);
  report_transfer(delivery, value);
  if (!tells_home_assistant()) return;
  const storage::Device* device = desk->device(delivery.product, delivery.device);
  if (device != nullptr) publish_device(*device);
}

// From its first byte until it is transferred, or interrupted. What was transferred in one go is
// told as well.
void Agent::State::report_transfer(const storage::Delivery& delivery, const Json& value) {
  using storage::DeliveryState;
  if (!reports() || delivery.id == 0) return;
  if (delivery.state == DeliveryState::transferring) {
    monitor->publish_transfer(delivery.id, value, false);
  } else if (delivery.state == DeliveryState::transferred || monitor->tells_transfer(delivery.id)) {
    monitor->publish_transfer(delivery.id, value, true);
  }
}

void Agent::State::transports_changed() {
  if (server) server->publish_event("transport", "", transports());
  publish_state();
}

void Agent::State::publish_state() {
  state_published = clock.steady();
  if (!monitor) return;
  Json value = status();
  if (tells_home_assistant()) {
    const monitor::EntityState shown{FERRY_VERSION, FERRY_VERSION, "Ferry", false, -1};
    value[monitor::entity_state_key] = monitor::to_json(shown);
  }
  monitor->publish_state(value);
}

}  // namespace ferry::agent
