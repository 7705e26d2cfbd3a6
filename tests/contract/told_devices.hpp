// Devices that are told, each on a link of its own.
#pragma once

#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tests/contract/harness.hpp"

namespace ferry::contract {

class Told {
 public:
  virtual ~Told() = default;
  // How the plugin names it.
  virtual std::string id() const = 0;
  // The device comes in reach; again after unplug(). `listening` is the detail of the plugin's
  // first state "listening".
  virtual void plug(AgentEnd& agent, const std::string& listening) = 0;
  virtual void unplug() = 0;
  // What it was sent since it was plugged in first, as far as it has it.
  virtual std::string stored() = 0;
  // Of a device that tells of its images: hex. Else "".
  virtual std::string staged() { return ""; }
  virtual std::string running() { return ""; }
  virtual bool is_confirmed() { return false; }
  // It does not hear the next resets that it is told.
  virtual void ignore_resets(int /*count*/) {}
};

struct ToldCase {
  std::string name;
  std::string plugin;
  std::map<std::string, std::string> settings;
  std::unique_ptr<Told> (*device)(const std::string& content);
  bool tells_images = false;  // and resumes where it was
  bool has_port = false;      // that the agent opened, and gets back
};
inline void PrintTo(const ToldCase& told, std::ostream* out) {
  *out << told.name;
}

const std::vector<ToldCase>& told_cases();

}  // namespace ferry::contract
