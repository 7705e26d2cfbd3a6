// What people and scripts see: the values of docs/control-api.md and of the MQTT topics. Pure.
#pragma once

#include <optional>
#include <vector>

#include "agent/catalog/view.hpp"
#include "agent/source/runner.hpp"
#include "agent/supervisor.hpp"
#include "formats/json.hpp"
#include "storage/store.hpp"

namespace ferry::agent {

using formats::Json;

// A time as RFC 3339, or null when there was none.
Json time_or_null(Time time);
Json to_json(const storage::HeldRelease& held, bool servable);
Json to_json(const storage::Delivery& delivery);
// `newest` is the device's newest delivery, or null.
Json to_json(const storage::Device& device, const storage::Delivery* newest);
Json to_json(const TransportStatus& status);
Json to_json(const source::RunnerStatus& status);

}  // namespace ferry::agent
