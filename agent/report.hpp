// What people and scripts see: the values of docs/control-api.md and of the MQTT topics. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/catalog/view.hpp"
#include "agent/source/runner.hpp"
#include "agent/supervisor.hpp"
#include "formats/json.hpp"
#include "formats/link_messages.hpp"
#include "storage/store.hpp"

namespace ferry::agent {

using formats::Json;

// A time as RFC 3339, or null when there was none.
Json time_or_null(Time time);
// `rollout` says how it spreads, "" nothing to tell.
Json to_json(const storage::HeldRelease& held, bool servable, const std::string& rollout,
             bool stopped);
// `waits` says why nothing happens with it, "" something does or it has ended.
Json to_json(const storage::Delivery& delivery, const std::string& waits);
// `newest` is the device's newest delivery, or null; `claim` what it told last since the agent
// started, or null.
Json to_json(const storage::Device& device, const storage::Delivery* newest,
             const formats::link::DeviceClaim* claim);
Json to_json(const TransportStatus& status);
Json to_json(const source::RunnerStatus& status, source::Standing standing);

}  // namespace ferry::agent
