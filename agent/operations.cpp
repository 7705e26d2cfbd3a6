// What operators ask of the agent through the control socket.
#include "agent/state.hpp"

namespace ferry::agent {

Json Agent::State::status() {
  Json value = {
      {"gateway", options.settings.gateway.name},
      {"version", FERRY_VERSION},
      {"started", time_or_null(started)},
      {"uptime_seconds",
       std::chrono::duration_cast<std::chrono::seconds>(clock.steady() - started_steady).count()},
      {"time", to_rfc3339(clock.now())},
      {"time_floor", to_rfc3339(trusted_time->floor())},
      {"clock_is_behind", trusted_time->clock_is_behind()}};
  value["store"] = store_status();
  value["sources"] = sources();
  value["transports"] = transports();
  value["monitor"] = monitor_status();
  value["counters"] = counters();
  return value;
}

Json Agent::State::store_status() const {
  const std::string& trouble = store_error.empty() ? usage.trouble : store_error;
  return {{"bytes", usage.bytes},        {"quota", usage.quota},
          {"packs", usage.packs},        {"quarantined", usage.quarantined},
          {"writable", trouble.empty()}, {"error", trouble}};
}

Json Agent::State::monitor_status() const {
  const auto now = monitor ? monitor->status() : monitor::MonitorStatus{};
  return {
      {"state", now.state}, {"broker", now.broker}, {"waiting", now.waiting}, {"error", now.error}};
}

Json Agent::State::counters() const {
  std::uint64_t fetched = 0;
  std::uint64_t rejected = 0;
  for (const auto& runner : runners) {
    const auto status = runner->status();
    fetched += status.state.bytes_fetched;
    rejected += status.state.rejected;
  }
  return {{"releases", view->all().size()},
          {"devices", desk->devices().size()},
          {"open_deliveries", desk->deliveries().open_count()},
          {"bytes_fetched", fetched},
          {"rejected", rejected},
          {"events_dropped", usage.events_dropped}};
}

Json Agent::State::sources() {
  Json list = Json::array();
  for (const auto& runner : runners) list.push_back(to_json(runner->status()));
  return list;
}

Json Agent::State::transports() const {
  Json list = Json::array();
  for (const auto& transport : supervisor->status()) list.push_back(to_json(transport));
  return list;
}

Json Agent::State::release_json(const storage::HeldRelease& held) const {
  const formats::Release& release = held.release;
  return to_json(held, view->servable(held), desk->rollout(release.product, release.version),
                 desk->stopped(release.product, release.version));
}

Json Agent::State::releases() {
  Json list = Json::array();
  for (const auto& held : view->all()) list.push_back(release_json(held));
  return list;
}

Json Agent::State::device_json(const storage::Device& device) const {
  return to_json(device, desk->deliveries().newest(device.product, device.id), desk->claim(device));
}

Json Agent::State::devices() {
  Json list = Json::array();
  for (const auto& [key, device] : desk->devices()) {
    list.push_back(device_json(device));
  }
  return list;
}

// The store's rows, with those under way as they are at this moment.
Json Agent::State::deliveries() {
  std::map<std::uint64_t, storage::Delivery, std::greater<>> newest_first;
  for (const auto& delivery : recent) newest_first.emplace(delivery.id, delivery);
  for (const auto& delivery : desk->deliveries().known()) {
    newest_first.insert_or_assign(delivery.id, delivery);
  }
  Json list = Json::array();
  for (const auto& [id, delivery] : newest_first) {
    list.push_back(to_json(delivery, desk->reason(delivery)));
  }
  return list;
}

Result<Json> Agent::State::sync(const std::string& source) {
  Json started_sources = Json::array();
  for (auto& runner : runners) {
    const std::string name = runner->status().name;
    if (!source.empty() && name != source) continue;
    started_sources.push_back({{"name", name}, {"run", runner->poke()}});
  }
  if (started_sources.empty() && !source.empty()) {
    return fail(ErrorCode::not_found, "there is no source " + source + "; see ferryctl sources");
  }
  return Json{{"sources", started_sources}};
}

Result<Json> Agent::State::assign(const control::Assignment& assignment) {
  auto device =
      desk->assign(assignment.device, assignment.product, assignment.version, assignment.downgrade);
  if (!device) return fail(device.error());
  return device_json(*device);
}

Result<Json> Agent::State::order(std::uint64_t delivery, control::DeliveryOrder wanted) {
  // The two enumerations name the same things in the same order.
  const auto done = desk->order(delivery, static_cast<Order>(wanted));
  if (!done) return fail(done.error());
  return to_json(*done, desk->reason(*done));
}

Result<Json> Agent::State::retry_release(const std::string& product, const std::string& version) {
  const auto* held = view->find(product, version);
  if (const Status lifted = desk->lift(product, version); !lifted) return fail(lifted.error());
  return held == nullptr ? Json{{"product", product}, {"version", version}} : release_json(*held);
}

}  // namespace ferry::agent
