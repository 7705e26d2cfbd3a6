// The settings of the BLE transport: its [transport.NAME] section and its product's.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "transports/ble/radio.hpp"
#include "transports/dialects/dialect.hpp"
#include "transports/smp_session/push.hpp"
#include "transports/transport.hpp"

namespace ferry::ble {

enum class Dialect {
  smp,   // devices are told
  pull,  // they ask
};

enum class Backend {
  kernel,  // its own sockets
  bluez,   // bluetoothd, by D-Bus
};

struct Settings {
  Backend backend = Backend::kernel;
  Dialect dialect = Dialect::smp;
  std::set<AdapterNumber> adapters;  // empty: all
  Filter filter;                     // which devices are ours
  std::string product;
  std::string passkey;          // six digits, by which devices are paired; "" they are not
  std::size_t connections = 1;  // at once on each adapter
  Duration visit_interval = std::chrono::minutes(15);
  smp_session::PushSettings push;
  std::vector<dialects::Profile> profiles;  // of dialect pull
};

// Reads and checks them; the error says which key is wrong and what it should be.
Result<Settings> read_settings(const plugin::Host& host);

}  // namespace ferry::ble
