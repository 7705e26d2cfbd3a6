#include "agent/report.hpp"

#include <array>

namespace ferry::agent {
namespace {

// null for a source whose word has no end.
Json metadata_of(const source::RunnerStatus& status, source::Standing standing) {
  if (status.state.trusted_until == Time{}) return nullptr;
  constexpr std::array<const char*, 3> standings = {"valid", "expired", "lapsed"};
  return {{"standing", standings.at(static_cast<std::size_t>(standing))},
          {"expires", to_rfc3339(status.state.trusted_until)},
          {"offered_until", to_rfc3339(status.state.trusted_until + status.grace)}};
}

const char* state_of(const source::RunnerStatus& status) {
  if (status.running) return "fetching";
  if (status.progress.waits) return "waits";
  return status.state.last_error.empty() ? "idle" : "failed";
}

}  // namespace

Json time_or_null(Time time) {
  return time == Time{} ? Json(nullptr) : Json(to_rfc3339(time));
}

Json to_json(const storage::HeldRelease& held, bool servable, const std::string& rollout,
             bool stopped) {
  Json artifacts = Json::array();
  std::uint64_t size = 0;
  for (const auto& artifact : held.release.artifacts) {
    Json entry = {{"role", formats::to_string(artifact.role)},
                  {"name", artifact.name},
                  {"size", artifact.size},
                  {"sha256", artifact.sha256.hex()}};
    if (!artifact.from.empty()) entry["from"] = artifact.from;
    artifacts.push_back(std::move(entry));
    size += artifact.size;
  }
  return {{"product", held.release.product},
          {"version", held.release.version},
          {"channel", held.release.channel},
          {"source", held.source},
          {"admitted", time_or_null(held.admitted)},
          {"complete", servable},
          {"size", size},
          {"stopped", stopped},
          {"rollout", rollout},
          {"artifacts", std::move(artifacts)}};
}

Json to_json(const storage::Delivery& delivery, const std::string& waits) {
  return {{"id", delivery.id},
          {"device", delivery.device},
          {"product", delivery.product},
          {"from", delivery.from_version},
          {"version", delivery.version},
          {"transport", delivery.transport},
          {"state", storage::to_string(delivery.state)},
          {"bytes_done", delivery.bytes_done},
          {"bytes_total", delivery.bytes_total},
          {"started", time_or_null(delivery.started)},
          {"updated", time_or_null(delivery.updated)},
          {"detail", delivery.detail},
          {"mode", storage::to_string(delivery.mode)},
          {"attempts", delivery.attempts},
          {"paused", delivery.paused},
          {"cause", delivery.cause},
          {"waits", waits}};
}

Json to_json(const storage::Device& device, const storage::Delivery* newest,
             const formats::link::DeviceClaim* claim) {
  const bool charged = claim != nullptr && claim->battery >= 0;
  const bool heard = claim != nullptr && claim->signal < 0;
  Json delivery = nullptr;
  if (newest != nullptr) {
    delivery = {{"version", newest->version},
                {"state", storage::to_string(newest->state)},
                {"bytes_done", newest->bytes_done},
                {"bytes_total", newest->bytes_total}};
  }
  return {{"id", device.id},
          {"product", device.product},
          {"version", device.version},
          {"transport", device.transport},
          {"address", device.address},
          {"last_seen", time_or_null(device.last_seen)},
          {"assigned", device.assigned_version},
          {"channel", device.channel},
          {"proven", device.proven},
          {"battery", charged ? Json(claim->battery) : Json(nullptr)},
          {"signal", heard ? Json(claim->signal) : Json(nullptr)},
          {"delivery", std::move(delivery)}};
}

Json to_json(const TransportStatus& status) {
  return {
      {"name", status.name},         {"plugin", status.plugin},     {"state", status.state},
      {"detail", status.detail},     {"pid", status.pid},           {"restarts", status.restarts},
      {"requests", status.requests}, {"refusals", status.refusals}, {"bytes", status.bytes}};
}

Json to_json(const source::RunnerStatus& status, source::Standing standing) {
  Json fetching = nullptr;
  if (status.running && !status.progress.artifact.empty()) {
    fetching = {{"release", status.progress.release},
                {"artifact", status.progress.artifact},
                {"bytes_done", status.progress.bytes_done},
                {"bytes_total", status.progress.bytes_total}};
  }
  Json budget = nullptr;
  if (const auto& use = status.progress.budget) {
    budget = {{"bytes", use->bytes}, {"used", use->used}, {"until", to_rfc3339(use->until)}};
  }
  return {{"name", status.name},
          {"type", config::to_string(status.type)},
          {"trust", status.trust},
          {"state", state_of(status)},
          {"runs", status.runs},
          {"last_success", time_or_null(status.state.last_success)},
          {"last_attempt", time_or_null(status.state.last_attempt)},
          {"last_error", status.state.last_error},
          {"next_attempt", status.running ? Json(nullptr) : time_or_null(status.next_attempt)},
          {"bytes_fetched", status.state.bytes_fetched},
          {"rejected", status.state.rejected},
          {"budget", std::move(budget)},
          {"metadata", metadata_of(status, standing)},
          {"fetching", std::move(fetching)}};
}

}  // namespace ferry::agent
