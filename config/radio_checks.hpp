// What a section [transport.NAME] of Bluetooth LE and its product have to say to each other.
#pragma once

#include "config/merge.hpp"
#include "config/settings.hpp"

namespace ferry::config {

// `section` is one with plugin = ble. A demand for pairing that cannot be met is a problem here, so
// that nobody finds out by a device that is never updated.
void check_pairing(const MergedSection& section, const Settings& settings, Findings& findings);

}  // namespace ferry::config
