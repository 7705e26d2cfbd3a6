// The settings of the UDP transport: its [transport.NAME] section and the products' profiles.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "transports/dialects/dialect.hpp"
#include "transports/smp_session/push.hpp"
#include "transports/transport.hpp"
#include "transports/udp/address.hpp"

namespace ferry::udp {

// Of SMP over UDP (Zephyr's mcumgr, CONFIG_MCUMGR_TRANSPORT_UDP_PORT).
inline constexpr std::uint16_t smp_port = 1337;

enum class Dialect { smp, pull, yaota8266 };

struct Settings {
  Dialect dialect = Dialect::smp;
  Address listen;
  std::vector<Address> peers;   // that are named
  bool hears_strangers = true;  // a device is known by the first packet that it sends
  bool asks_mdns = false;       // smp: devices are looked for by multicast DNS
  std::size_t max_devices = 64;
  std::string product;  // "" only with dialect pull
  smp_session::PushSettings push;
  std::vector<dialects::Profile> profiles;
};

// Reads and checks them; the error says which key is wrong and what it should be.
Result<Settings> read_settings(const plugin::Host& host);

}  // namespace ferry::udp
