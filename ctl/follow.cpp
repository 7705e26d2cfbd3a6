// The subcommands that stay: watch, and sync with --wait.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "base/clock.hpp"
#include "ctl/commands.hpp"
#include "ctl/fields.hpp"
#include "ctl/format.hpp"
#include "ctl/progress_display.hpp"

namespace ferry::ctl {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds poll_interval{500};

EventLine source_line(const Json& source) {
  const Json event = {{"event", "source"}, {"id", text_of(source, "name")}, {"value", source}};
  return event_line(event);
}

// Sources that were told to synchronize, each with the run that answers for it.
using Awaited = std::map<std::string, std::uint64_t>;

struct Waiting {
  Awaited awaited;
  std::string agent_start;
  bool failed = false;
};

// Takes out of `waiting` what is done by now, and shows it.
void take_finished(Waiting& waiting, const Json& sources, bool quiet, ProgressDisplay& display) {
  for (const Json& source : sources) {
    const auto run = waiting.awaited.find(text_of(source, "name"));
    if (run == waiting.awaited.end()) continue;
    EventLine line = source_line(source);
    if (number_of(source, "runs") < run->second) {
      if (line.transfer && !quiet) display.moved(line, "", Steady::now());
      continue;
    }
    const std::string error = text_of(source, "last_error");
    waiting.failed = waiting.failed || !error.empty();
    waiting.awaited.erase(run);
    line.text = printable(error.empty() ? "synchronized" : "failed: " + error);
    if (!quiet) display.happened(line, "");
  }
}

Exit finish(Client& client, const Options& options, bool failed) {
  if (options.json) {
    const auto reply = client.get("/v1/sources");
    if (!reply) return report(reply.error());
    fmt::print("{}", reply->text);
  }
  return failed ? Exit::failure : Exit::ok;
}

Exit wait_for(Client& client, const Options& options, Waiting waiting) {
  ProgressDisplay display(stdout, terminal_width(stdout));
  while (!waiting.awaited.empty()) {
    const auto status = client.get("/v1/status");
    if (!status) return report(status.error());
    if (text_of(status->json, "started") != waiting.agent_start) {
      return report({Exit::failure, "the agent was started anew meanwhile; it goes on by itself"});
    }
    const Json& sources = member(status->json, "sources");
    for (const auto& [name, run] : Awaited(waiting.awaited)) {
      const auto named = [&name = name](const Json& source) {
        return text_of(source, "name") == name;
      };
      if (std::any_of(sources.begin(), sources.end(), named)) continue;
      return report({Exit::not_found, "source '" + name + "' is not configured any more"});
    }
    take_finished(waiting, sources, options.json, display);
    if (!waiting.awaited.empty()) std::this_thread::sleep_for(poll_interval);
  }
  return finish(client, options, waiting.failed);
}

}  // namespace

Exit sync(const Options& options, const std::string& source, bool wait) {
  Client client(options.socket);
  Waiting waiting;
  if (wait) {
    const auto status = client.get("/v1/status");
    if (!status) return report(status.error());
    waiting.agent_start = text_of(status->json, "started");
  }
  const Json body = source.empty() ? Json::object() : Json{{"source", source}};
  const auto reply = client.post("/v1/sync", body);
  if (!reply) return report(reply.error());
  const Json& begun = member(reply->json, "sources");
  if (wait) {
    for (const Json& one : begun) waiting.awaited[text_of(one, "name")] = number_of(one, "run");
    return wait_for(client, options, std::move(waiting));
  }
  if (options.json) {
    fmt::print("{}", reply->text);
    return Exit::ok;
  }
  for (const Json& one : begun) {
    fmt::print("source {}  synchronization begun\n", printable(text_of(one, "name")));
  }
  return Exit::ok;
}

Exit watch(const Options& options) {
  ProgressDisplay display(stdout, options.json ? 0 : terminal_width(stdout));
  Client client(options.socket);
  Client::Watching watching;
  watching.event = [&](const Reply& reply) {
    if (options.json) {
      fmt::print("{}\n", reply.text);
      std::fflush(stdout);
      return;
    }
    const EventLine line = event_line(reply.json);
    const std::string stamp = printable(text_of(reply.json, "time")) + "  ";
    if (line.transfer) {
      display.moved(line, stamp, Steady::now());
    } else {
      display.happened(line, stamp);
    }
  };
  watching.tick = [&] { display.refresh(Steady::now()); };
  return report(client.watch(watching));
}

}  // namespace ferry::ctl
