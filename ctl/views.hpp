// The API's JSON as text for people. Pure.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "formats/json.hpp"

namespace ferry::ctl {

using formats::Json;

std::string status_view(const Json& status, Time now);
std::string sources_view(const Json& sources, Time now);
std::string releases_view(const Json& releases, Time now);
std::string devices_view(const Json& devices, Time now);
std::string deliveries_view(const Json& deliveries, Time now);
std::string wakes_view(const Json& wakes, Time now);
// One delivery, a line for each field.
std::string delivery_view(const Json& delivery, Time now);
// One device, a line for each field.
std::string device_view(const Json& device, Time now);

}  // namespace ferry::ctl
