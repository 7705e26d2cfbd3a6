// Names of what the agent opens for a host and that is no file.
#pragma once

#include <string_view>

namespace ferry::formats {

// The kernel's Bluetooth management socket, which only those with CAP_NET_ADMIN may have.
inline constexpr std::string_view bluetooth_management = "bluetooth-management";
// A connection to the system's D-Bus.
inline constexpr std::string_view system_bus = "system-bus";

}  // namespace ferry::formats
