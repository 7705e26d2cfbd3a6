// How devices that sleep are woken: the waker with the agent's parts around it.
#include "agent/state.hpp"

namespace ferry::agent {

Status Agent::State::start_waker() {
  WakerLinks links;
  links.hold = [this]() -> std::string {
    if (!reports()) return "there is no broker in [monitor]";
    return monitor->status().state == "connected" ? "" : "waits: the broker";
  };
  links.send = [this](const wake::Message& message) {
    if (monitor) monitor->wake(message.topic, message.payload);
  };
  links.events_stored = [this] {
    if (monitor) monitor->events_added();
  };
  waker = std::make_unique<Waker>(options.settings, *desk, *store, worker, clock, links);
  return waker->load();
}

void Agent::State::look_for_sleepers() {
  if (stopping || !waker) return;
  look_again_in(waker->look());
}

void Agent::State::look_again_in(Duration pause) {
  waker_timer.expires_after(pause);
  waker_timer.async_wait([this](const boost::system::error_code& failed) {
    if (!failed) look_for_sleepers();
  });
}

// Something changed with a device; however often that is, not more often than this.
void Agent::State::look_soon() {
  constexpr Duration soon = std::chrono::milliseconds(500);
  if (stopping || !waker || waker_timer.expiry() <= clock.steady() + soon) return;
  look_again_in(soon);
}

}  // namespace ferry::agent
