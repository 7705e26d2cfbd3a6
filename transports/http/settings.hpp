// The settings of the HTTP transport: its [transport.NAME] section and the products' profiles.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "transports/dialects/dialect.hpp"
#include "transports/transport.hpp"

namespace ferry::http {

struct Settings {
  std::string address;  // numeric, IPv4 or IPv6
  std::uint16_t port = 0;
  std::string product;  // whose requests these are when nothing else tells; "" none
  std::size_t max_connections = 256;
  Duration idle_timeout =
      std::chrono::seconds(60);  // between requests, and for a reader that stalls
  Duration header_timeout = std::chrono::seconds(10);  // from the first byte to the whole header
  std::vector<dialects::Profile> profiles;
  bool mirror = false;  // some sources' repositories are passed on
};

// Reads and checks them; the error says which key is wrong and what it should be.
Result<Settings> read_settings(const plugin::Host& host);

}  // namespace ferry::http
