// A thing on a broker that asks for its job and gets the image block by block over MQTT itself.
#pragma once

#include "tests/contract/transports.hpp"

namespace ferry::contract {

// Debian's mosquitto is there. The suite runs without the case where it is not.
bool has_broker();

// Each run of the plugin has a broker of its own.
TransportCase mqtt_case();

}  // namespace ferry::contract
