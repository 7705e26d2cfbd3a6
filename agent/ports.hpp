// What a jailed host needs and cannot open: the lines that a transport's section names by `port`,
// and for `ble` the kernel's Bluetooth management socket or the system's D-Bus. Opened here and
// handed over as descriptors. An adapter that was unplugged and comes back, under whatever number,
// is found again by the same pattern.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace ferry::agent {

struct OpenPort {
  std::string name;  // as the pattern found it
  Descriptor descriptor;
};

// Opens a terminal line for one process alone: O_NONBLOCK, O_NOCTTY, close-on-exec, flock(2) and
// TIOCEXCL. ErrorCode::not_found: it is not there; exists: another program has it; denied; invalid:
// it is no terminal line.
Result<Descriptor> open_port(const std::string& file);

// The kernel's control channel for Bluetooth (BlueZ's doc/mgmt-api.txt). Opened without
// CAP_NET_ADMIN it refuses to scan. ErrorCode::io: this kernel has no Bluetooth.
Result<Descriptor> open_bluetooth_management();

// A connection to the system's D-Bus, on which nothing was said yet: whoever has it speaks as this
// process's user.
Result<Descriptor> open_system_bus();

// What the hosts of a plugin are handed: paths as glob(7) reads them, separated by blanks or
// commas, or a name of formats/port_names.hpp. "" nothing.
std::string ports_of(std::string_view plugin, const std::map<std::string, std::string>& settings);

// On the agent's loop; opening does not wait for the line.
class Ports {
 public:
  // `patterns` as ports_of() gives them. `component` for the log.
  Ports(std::string_view patterns, std::string component);

  bool any() const { return !patterns_.empty(); }
  // Opens those that are there and not handed out. One that cannot be opened is logged once, and
  // tried again by each call.
  std::vector<OpenPort> open_new();
  // The host has closed it, or none runs any more.
  void closed(const std::string& name) { out_.erase(name); }
  void all_closed() { out_.clear(); }

 private:
  std::vector<std::string> patterns_;
  std::string component_;
  std::set<std::string> out_;                   // handed to the host
  std::map<std::string, std::string> trouble_;  // what was logged, by name
};

}  // namespace ferry::agent
