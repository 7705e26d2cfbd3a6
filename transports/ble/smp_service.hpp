// The service by which devices take SMP packets (Zephyr, doc/services/device_mgmt/smp_transport).
#pragma once

#include "transports/ble/gatt_client.hpp"

namespace ferry::ble {

inline constexpr const char* smp_service = "8d53dc1d-1db7-4cd3-868b-8a527460aa84";
inline constexpr const char* smp_characteristic = "da2e7828-fbce-4e01-ae9e-261174997c48";

inline GattTarget smp_target() {
  GattTarget target;
  target.service = parse_uuid(smp_service).value_or(Uuid());
  target.characteristic = parse_uuid(smp_characteristic).value_or(Uuid());
  return target;
}

}  // namespace ferry::ble
