// The agent: the one place that wires sources, store, catalog, hosts, monitor and control together.
#pragma once

#include <filesystem>
#include <memory>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"

namespace ferry::agent {

struct AgentOptions {
  config::Settings settings;
  std::filesystem::path host_program;
  std::filesystem::path plugin_folder;
};

class Agent {
 public:
  Agent(AgentOptions options, const Clock& clock);
  ~Agent();

  // Runs until SIGTERM or SIGINT. An error is one that keeps the agent from serving at all.
  Status run();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry::agent
