// How far a plugin's sockets reach. Most transports wait to be called; those whose link is made
// from this side may do that and nothing more.
#pragma once

#include <string_view>

namespace ferry::host {

enum class Reach {
  called,     // IPv4 and IPv6 sockets; connects to nobody
  broker,     // IPv4 and IPv6 sockets, connects as well
  bluetooth,  // Bluetooth sockets, connects as well; nothing of IP
};

// By the plugin's bare name, so that no setting and no plugin can widen it.
Reach reach_of(std::string_view plugin);

}  // namespace ferry::host
