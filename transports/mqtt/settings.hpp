// The settings of the transport `mqtt`: its [transport.NAME] section and the products' profiles.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/mqtt/broker_connection.hpp"
#include "base/result.hpp"
#include "transports/dialects/dialect.hpp"
#include "transports/transport.hpp"

namespace ferry::things {

struct Settings {
  mqtt::Broker broker;
  std::string url;                            // of the http transport, without '/' at its end
  std::string product;                        // of things that are not named; "" they are strangers
  std::map<std::string, std::string> things;  // that are named, and their products
  std::vector<dialects::Profile> profiles;
};

// Reads and checks them; the error says which key is wrong and what it should be.
Result<Settings> read_settings(const plugin::Host& host);

// Below which the artifacts for a thing are found by http: the gateway's URL, the product's root,
// and the thing itself where the product tells devices by their path.
std::string root_of(const Settings& settings, const dialects::Profile& profile,
                    const std::string& thing);

}  // namespace ferry::things
