// ferryd: reads its configuration, then runs the agent.
#include <malloc.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "agent/agent.hpp"
#include "base/log.hpp"
#include "config/settings.hpp"

namespace {

// Exit statuses, as ferryd(8) lists them.
constexpr int failed = 1;
constexpr int bad_configuration = 2;

struct Options {
  std::filesystem::path config = "/etc/ferry/ferry.ini";
  std::filesystem::path host_program = FERRY_LIBEXEC_DIR "/ferry-transport";
  std::filesystem::path plugins = FERRY_PLUGIN_DIR;
  bool check_config = false;
};

int report_problems(const ferry::config::Problems& problems) {
  for (const std::string& problem : problems) std::fprintf(stderr, "%s\n", problem.c_str());
  std::fprintf(stderr, "ferryd: %zu problem%s in the configuration\n", problems.size(),
               problems.size() == 1 ? "" : "s");
  return bad_configuration;
}

int run(const Options& options) {
  auto loaded = ferry::config::load(options.config);
  if (!loaded.settings) return report_problems(loaded.problems);
  if (options.check_config) {
    std::printf("%s: no problem\n", options.config.c_str());
    return 0;
  }
  ferry::log::set_level(loaded.settings->gateway.log_level);
  const ferry::SystemClock clock;
  ferry::agent::AgentOptions agent_options;
  agent_options.settings = std::move(*loaded.settings);
  agent_options.host_program = options.host_program;
  agent_options.plugin_folder = options.plugins;
  ferry::agent::Agent agent(std::move(agent_options), clock);
  const ferry::Status ended = agent.run();
  if (!ended) {
    ferry::log::error("ferryd", "{}", ended.error().message);
    return failed;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // Few arenas: each keeps memory of its own, and gateways have little.
  mallopt(M_ARENA_MAX, 2);
  // A large block goes back to the system when it is freed. glibc moves this limit up by itself:
  // what a start reads once would then be held for ever, or not, as the threads happen to run.
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
  // Credentials pass through this process: no core dumps.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);

  Options options;
  CLI::App app("Ferry's agent: fetches firmware, keeps it, and offers it to the devices nearby.",
               "ferryd");
  app.set_version_flag("--version", "ferryd " FERRY_VERSION);
  app.add_option("--config", options.config, "configuration file")->capture_default_str();
  app.add_flag("--check-config", options.check_config,
               "report every problem of the configuration and end");
  app.add_option("--host-program", options.host_program, "the transport host")
      ->capture_default_str();
  app.add_option("--plugins", options.plugins, "folder of transport plugins")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : bad_configuration;
  }
  return run(options);
}
