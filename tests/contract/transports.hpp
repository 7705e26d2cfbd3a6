// The plugins that the contract suite runs, and how each is made to do its work.
#pragma once

#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tests/contract/harness.hpp"

namespace ferry::contract {

// A device on the link of a plugin under test.
class Visitor {
 public:
  virtual ~Visitor() = default;
  // What the plugin has to be told of this link, beside the settings of its case.
  virtual std::map<std::string, std::string> settings() { return {}; }
  // The device comes by and takes what there is for it. Returns at once; `listening` is the detail
  // of the plugin's state "listening".
  virtual void come_by(AgentEnd& agent, const std::string& listening, bool changed) = 0;
  // Waits until the device has what it can get and has left, where that cannot be told otherwise.
  virtual void leave() {}
  // What the device got, up to now or to the end of its visit; nothing when that cannot be seen.
  virtual std::optional<std::string> received() { return std::nullopt; }
};

struct TransportCase {
  std::string name;  // of the case
  std::string plugin;
  std::map<std::string, std::string> settings;
  std::map<std::string, std::string> product;  // its section, "name" included
  std::unique_ptr<Visitor> (*visitor)();
  bool tells_outcome = false;  // knows that a device has everything, not only what was acknowledged
  std::size_t image_size = 1'000'003;
};
inline void PrintTo(const TransportCase& transport, std::ostream* out) {
  *out << transport.name;
}

// Those of this machine; `ble` where the environment names two adapters (ble_visitor.hpp), `mqtt`
// where there is a broker (mqtt_visitor.hpp).
const std::vector<TransportCase>& transports();

}  // namespace ferry::contract
