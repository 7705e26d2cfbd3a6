// A device that finds the gateway over Bluetooth LE and asks, over an L2CAP channel.
#pragma once

#include <memory>

#include "tests/contract/transports.hpp"

namespace ferry::contract {

// The adapter of the gateway, the other one's address, and its own, as in the environment:
// FERRY_BLE_ADAPTER=hci0 FERRY_BLE_GATEWAY=00:AA:01:00:00:00 FERRY_BLE_DEVICE=00:AA:01:01:00:01.
// The suite runs without it where these are not set.
bool has_bluetooth();

TransportCase ble_pull_case();

}  // namespace ferry::contract
