// Devices that are told, each on a line of its own.
#pragma once

#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "tests/contract/harness.hpp"

namespace ferry::contract {

class Told {
 public:
  virtual ~Told() = default;
  // The line is handed to the plugin; again after unplug().
  virtual void plug(AgentEnd& agent) = 0;
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
  std::map<std::string, std::string> settings;  // of the plugin `serial`
  std::unique_ptr<Told> (*device)(const std::string& content);
  bool tells_images = false;  // and resumes where it was
};
inline void PrintTo(const ToldCase& told, std::ostream* out) {
  *out << told.name;
}

const std::vector<ToldCase>& told_cases();

// How the emulated devices name an image: its SHA-256.
std::string image_name(const std::string& content);

}  // namespace ferry::contract
