// ferry-transport: the process around one plugin. Started by the agent alone:
//   ferry-transport PLUGIN LINK PLUGIN_FOLDER PACKS_FOLDER
// LINK is the number of the descriptor of the socket to the agent. Everything else comes over that.
#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <string>

#include "base/digest.hpp"
#include "base/log.hpp"
#include "transports/host/convert.hpp"
#include "transports/host/host.hpp"
#include "transports/host/jail.hpp"
#include "transports/host/plugin.hpp"
#include "transports/host/process.hpp"

namespace ferry::host {
namespace {

namespace messages = formats::link;

constexpr int settings_wait_ms = 10'000;

struct Arguments {
  std::string plugin;
  int link = -1;
  std::filesystem::path plugin_folder;
  std::filesystem::path packs_folder;
};

Result<Arguments> arguments_of(int count, char** values) {
  Arguments arguments;
  if (count == 5) {
    const std::string_view number = values[2];
    std::from_chars(number.data(), number.data() + number.size(), arguments.link);
  }
  if (arguments.link < 0) {
    return fail(ErrorCode::invalid,
                "started by ferryd alone: ferry-transport PLUGIN LINK PLUGIN_FOLDER PACKS_FOLDER");
  }
  arguments.plugin = values[1];
  arguments.plugin_folder = values[3];
  arguments.packs_folder = values[4];
  return arguments;
}

// The agent's first message.
Result<messages::Settings> receive_settings(link::Link& link) {
  for (;;) {
    Result<std::optional<link::Received>> received = link.receive();
    if (!received) return fail(received.error());
    if (*received) {
      Result<messages::FromAgent> message = messages::parse_from_agent((*received)->text);
      if (!message) return fail(message.error());
      if (auto* settings = std::get_if<messages::Settings>(&*message)) return std::move(*settings);
      return fail(ErrorCode::invalid, "the agent's first message is not the settings");
    }
    pollfd readable{link.socket(), POLLIN, 0};
    if (::poll(&readable, 1, settings_wait_ms) == 0) {
      return fail(ErrorCode::timed_out, "the agent sends no settings");
    }
  }
}

// Where shared libraries lie, and the list of them; readable only until the plugin is loaded.
std::vector<std::filesystem::path> library_places() {
  return {"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/etc/ld.so.cache"};
}

// Loads the plugin inside the jail: its constructors may read libraries and packs, and from then on
// packs alone.
Result<ferry_transport_entry> jail_and_load(const Arguments& arguments) {
  const Result<std::filesystem::path> file = plugin_file(arguments.plugin_folder, arguments.plugin);
  if (!file) return fail(file.error());
  std::error_code problem;
  if (!std::filesystem::is_directory(arguments.packs_folder, problem)) {
    return fail(ErrorCode::not_found, arguments.packs_folder.string() + ": is no folder of packs");
  }
  // OpenSSL reads its configuration when it is first used, which must be before the jail.
  [[maybe_unused]] const Sha256 warm = Sha256::of({});
  const Reach reach = reach_of(arguments.plugin);
  std::vector<std::filesystem::path> readable = library_places();
  readable.push_back(arguments.packs_folder);
  readable.push_back(*file);
  if (const Status jailed = confine_files(readable, reach); !jailed) return fail(jailed.error());
  if (const Status jailed = confine_calls(reach); !jailed) return fail(jailed.error());
  Result<ferry_transport_entry> entry = load_plugin(*file);
  if (!entry) return entry;
  if (const Status jailed = confine_files({arguments.packs_folder}, reach); !jailed) {
    return fail(jailed.error());
  }
  return entry;
}

int serve(const Arguments& arguments) {
  static link::Link link(Descriptor(arguments.link), link::Limits());
  Result<messages::Settings> settings = receive_settings(link);
  if (!settings) {
    log::error("ferry-transport", "{}", settings.error().message);
    return 1;
  }
  log::set_level(log::level_from(settings->log_level).value_or(log::Level::info));
  static const Result<std::unique_ptr<Mailbox>> mailbox = Mailbox::make();
  Status ready = mailbox ? report_bus_errors(link.socket()) : fail(mailbox.error());
  if (!ready) {
    log::error("ferry-transport", "{}", ready.error().message);
    return 1;
  }
  static Services services(std::move(*settings), arguments.packs_folder, **mailbox);
  static Host host(link, **mailbox, services);
  (*mailbox)->tell(messages::Hello{1, cut(arguments.plugin.c_str(), messages::longest_id)});
  const Result<ferry_transport_entry> entry = jail_and_load(arguments);
  if (!entry) {
    log::error(services.component(), "{}", entry.error().message);
    services.state("failed", entry.error().message.c_str());
    return host.end(1);
  }
  return host.run(*entry);
}

int run(int count, char** values) {
  const Result<Arguments> arguments = arguments_of(count, values);
  Status ready = arguments ? close_inherited(arguments->link) : fail(arguments.error());
  if (ready) ready = lower_privileges();
  if (!ready) {
    log::error("ferry-transport", "{}", ready.error().message);
    return 1;
  }
  settle();
  return serve(*arguments);
}

}  // namespace
}  // namespace ferry::host

int main(int count, char** values) {
  const int status = ferry::host::run(count, values);
  // Threads of the plugin may still run; static objects must not be destroyed under them.
  ::_exit(status);
}
