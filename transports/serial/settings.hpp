// The settings of the serial transport: its [transport.NAME] section and the products' profiles.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "transports/dialects/dialect.hpp"
#include "transports/serial/tty.hpp"
#include "transports/smp_session/push.hpp"
#include "transports/transport.hpp"

namespace ferry::serial {

enum class Dialect { smp, pull, raw, xmodem, ymodem };

struct Settings {
  Dialect dialect = Dialect::smp;
  LineSettings line;
  std::size_t named_ports = 0;  // of the patterns in `port`, which are the agent's matter
  std::string product;          // "" only with dialect pull
  smp_session::PushSettings push;
  std::string trigger;  // "" devices are told
  std::vector<dialects::Profile> profiles;
};

// Reads and checks them; the error says which key is wrong and what it should be.
Result<Settings> read_settings(const plugin::Host& host);

}  // namespace ferry::serial
