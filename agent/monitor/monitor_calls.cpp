// What others call, on threads of their own.
#include <fmt/format.h>
#include <pthread.h>

#include <csignal>
#include <utility>

#include "agent/monitor/monitor_state.hpp"

namespace ferry::monitor {

Monitor::Monitor(const MonitorOptions& options, storage::Outbox& outbox)
    : state_(std::make_shared<State>(options, outbox)) {
  if (!options.settings.enabled) return;
  state_->status.state = "connecting";
  state_->status.broker = fmt::format("{}:{}", options.settings.host, options.settings.port);
  // Signals are the agent's, and OpenSSL's writes to a closed socket must not end it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([state = state_] {
    state->run();
    {
      const std::lock_guard lock(state->mutex);
      state->ended = true;
    }
    state->changed.notify_all();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Monitor::~Monitor() {
  if (!thread_.joinable()) return;
  bool ended = false;
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->rouse();
    state_->changed.notify_all();
    state_->changed.wait(lock, [this] { return state_->ended || state_->connecting; });
    ended = state_->ended;
  }
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void Monitor::publish_state(const formats::Json& state) {
  if (!thread_.joinable()) return;
  state_->outgoing.set_state(state_->root + "state", formats::to_text(state));
  state_->rouse();
}

void Monitor::publish_device(const std::string& product, const std::string& id,
                             const formats::Json& device) {
  if (!thread_.joinable()) return;
  std::string payload = device.is_null() ? "" : formats::to_text(device);
  state_->outgoing.set_device(state_->root + device_topic(product, id), std::move(payload));
  state_->rouse();
}

void Monitor::publish_entity(const std::string& topic, const formats::Json& config) {
  if (!thread_.joinable()) return;
  state_->outgoing.set_entity(topic, config.is_null() ? "" : formats::to_text(config));
  state_->rouse();
}

void Monitor::publish_transfer(std::uint64_t id, const formats::Json& transfer, bool over) {
  if (!thread_.joinable()) return;
  state_->outgoing.set_transfer(fmt::format("{}transfer/{}", state_->root, id),
                                formats::to_text(transfer), over);
  state_->rouse();
}

bool Monitor::tells_transfer(std::uint64_t id) const {
  return state_->outgoing.tells_transfer(fmt::format("{}transfer/{}", state_->root, id));
}

void Monitor::reply(const formats::Json& reply) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->commands_open > 0) --state_->commands_open;
  }
  state_->outgoing.add_reply(state_->root + "command/reply", formats::to_text(reply));
  state_->rouse();
}

void Monitor::wake(const std::string& topic, const std::string& payload) {
  if (!thread_.joinable()) return;
  state_->outgoing.add_wake(topic, payload);
  state_->rouse();
}

std::uint64_t Monitor::test() {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(state_->mutex);
    number = state_->tests_asked += thread_.joinable() ? 1 : 0;
  }
  state_->rouse();
  state_->changed.notify_all();
  return number;
}

void Monitor::events_added() {
  if (thread_.joinable()) state_->rouse();
}

MonitorStatus Monitor::status() const {
  const std::lock_guard lock(state_->mutex);
  return state_->status;
}

}  // namespace ferry::monitor
