// The lines that a transport's section names by `port`: opened here, since a jailed host opens
// nothing, and handed over as descriptors. An adapter that was unplugged and comes back, under
// whatever number, is found again by the same pattern.
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

// On the agent's loop; opening does not wait for the line.
class Ports {
 public:
  // `patterns`: paths as glob(7) reads them, separated by blanks or commas. `component` for the
  // log.
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
