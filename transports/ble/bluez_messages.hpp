// Objects and properties as D-Bus messages carry them.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <string>
#include <vector>

#include "transports/ble/bluez_objects.hpp"

namespace ferry::ble::bluez {

// Reads a{sv} where the message stands; what is of another type than Value holds is left out.
// False: the message is not what it should be.
bool read_properties(sd_bus_message* message, Properties& into);
// Reads a{sa{sv}}, and calls back for each interface.
bool read_interfaces(sd_bus_message* message,
                     const std::function<void(const std::string& interface, Properties)>& take);
// The answer to GetManagedObjects: a{oa{sa{sv}}}.
bool read_objects(sd_bus_message* message, Objects& into);
// Reads as.
bool read_strings(sd_bus_message* message, std::vector<std::string>& into);
// A method of ours that has nothing to say: a handler for tables of methods.
int answer_nothing(sd_bus_message* call, void* context, sd_bus_error* error);

}  // namespace ferry::ble::bluez
