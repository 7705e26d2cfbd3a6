// What NetworkManager knows of the link to everywhere (its D-Bus API,
// org.freedesktop.NetworkManager).
#pragma once

#include <optional>

namespace ferry::source {

// Whether that link costs money, as a person set it or as NetworkManager guesses; nothing when it
// does not run, or does not know. Blocks for two seconds at most; on any thread.
std::optional<bool> network_manager_says_metered();

}  // namespace ferry::source
