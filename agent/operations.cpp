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
  value["wakes"] = waker->sections();
  measure();
  value["counters"] = registry.counters();
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
  return {{"state", now.state},
          {"broker", now.broker},
          {"waiting", now.waiting},
          {"error", now.error},
          {"commands", now.commands},
          {"commands_taken", now.commands_taken},
          {"commands_ignored", now.commands_ignored},
          {"connections", now.connections},
          {"tests", now.tests},
          {"answer_ms", now.answer_time.count()}};
}

Json Agent::State::source_json(const source::SourceRunner& runner) const {
  const auto status = runner.status();
  Json value = to_json(status, runner.standing(trusted_time->now()));
  value["reports"] = nullptr;
  if (status.type != config::SourceType::aws_jobs) return value;
  const auto found = usage.reports.find(status.name);
  const auto waiting = found == usage.reports.end() ? storage::ReportsWaiting{} : found->second;
  value["reports"] = {{"waiting", waiting.count}, {"oldest", time_or_null(waiting.oldest)}};
  return value;
}

Json Agent::State::sources() {
  Json list = Json::array();
  for (const auto& runner : runners) list.push_back(source_json(*runner));
  return list;
}

Json Agent::State::transports() const {
  Json list = Json::array();
  for (const auto& transport : supervisor->status()) list.push_back(to_json(transport));
  return list;
}

Json Agent::State::release_json(const storage::HeldRelease& held) const {
  const formats::Release& release = held.release;
  Json value = to_json(held, view->servable(held), desk->rollout(release.product, release.version),
                       desk->stopped(release.product, release.version));
  value["pinned"] = pins.contains({release.product, release.version});
  return value;
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

Result<std::uint64_t> Agent::State::newest_delivery(const std::string& device,
                                                    const std::string& product) {
  for (const auto& [key, known] : desk->devices()) {
    if (known.id != device || (!product.empty() && known.product != product)) continue;
    const auto* newest = desk->deliveries().newest(known.product, known.id);
    if (newest != nullptr) return newest->id;
    return fail(ErrorCode::not_found, "device " + device + " has no delivery");
  }
  return fail(ErrorCode::not_found, "device " + device + " is not known; see ferryctl devices");
}

// Those that are waiting for it, or were promised it, would wait for ever.
Status Agent::State::evict(const std::string& product, const std::string& version) {
  const auto* held = view->find(product, version);
  const std::string name = product + " " + version;
  if (pins.contains({product, version})) {
    return fail(ErrorCode::denied, name + " is pinned; see ferryctl unpin");
  }
  for (const auto& delivery : desk->deliveries().open()) {
    if (delivery.product != product || delivery.version != version) continue;
    return fail(ErrorCode::denied, name + " is on its way to " + delivery.device +
                                       "; cancel delivery " + std::to_string(delivery.id) +
                                       " first");
  }
  for (const auto& [key, device] : desk->devices()) {
    if (device.product != product || device.assigned_version != version) continue;
    return fail(ErrorCode::denied, name + " is assigned to " + device.id + "; unassign it first");
  }
  return store->releases().evict(held->release, "by an operator");
}

Result<Json> Agent::State::order_release(const std::string& product, const std::string& version,
                                         control::ReleaseOrder wanted) {
  using control::ReleaseOrder;
  const auto* held = view->find(product, version);
  const Json named = {{"product", product}, {"version", version}};
  if (wanted == ReleaseOrder::retry) {
    if (const Status lifted = desk->lift(product, version); !lifted) return fail(lifted.error());
    return held == nullptr ? named : release_json(*held);
  }
  const bool unpinned = wanted == ReleaseOrder::unpin && pins.contains({product, version});
  if (held == nullptr && !unpinned) {
    return fail(ErrorCode::not_found, "no complete release " + version + " of " + product +
                                          " is here; see ferryctl releases");
  }
  if (wanted == ReleaseOrder::evict) {
    if (const Status gone = evict(product, version); !gone) return fail(gone.error());
    reload_catalog();
    if (monitor) monitor->events_added();
    return named;
  }
  const bool pinned = wanted == ReleaseOrder::pin;
  if (Status kept = store->operators().pin(product, version, pinned); !kept) {
    return fail(kept.error());
  }
  if (pinned) pins.emplace(product, version);
  if (!pinned) pins.erase({product, version});
  if (server && server->watched()) server->publish_event("release", "", releases());
  return held == nullptr ? named : release_json(*held);
}

Result<Json> Agent::State::test_monitor() {
  if (!reports()) return fail(ErrorCode::unavailable, "there is no broker in [monitor]");
  return Json{{"run", monitor->test()}};
}

}  // namespace ferry::agent
