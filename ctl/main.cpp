// ferryctl: the command line, and nothing else.
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "ctl/commands.hpp"

namespace {

using ferry::ctl::AssignOptions;
using ferry::ctl::Exit;
using ferry::ctl::Options;

// What was asked for, filled while the command line is read.
struct Asked {
  Options options;
  std::string source;
  bool wait = false;
  std::string device;
  AssignOptions assign;
  std::uint64_t delivery = 0;
  std::vector<std::string> release;  // product and version of one that was stopped
  ferry::ctl::TufPublishOptions publish;
  bool tuf = false;
  std::filesystem::path file;
  std::string product;
  std::string version;
  ferry::ctl::SignOptions sign;
  std::function<Exit()> run;
};

void add_listings(CLI::App& app, Asked& asked) {
  const auto command = [&](const char* name, const char* text, std::function<Exit()> run) {
    CLI::App* added = app.add_subcommand(name, text);
    added->callback([&asked, run = std::move(run)] { asked.run = run; });
    return added;
  };
  const Options& options = asked.options;
  command("status", "How the gateway is", [&] { return ferry::ctl::show_status(options); });
  command("sources", "Where releases come from, and how that goes",
          [&] { return ferry::ctl::show_sources(options); });
  command("releases", "What the gateway holds", [&] { return ferry::ctl::show_releases(options); });
  command("devices", "The devices around, or all about one of them", [&] {
    return ferry::ctl::show_devices(options, asked.device);
  })->add_option("DEVICE", asked.device, "Its id");
  command("deliveries", "What went to whom, newest first",
          [&] { return ferry::ctl::show_deliveries(options); });
  command("wakes", "Who is woken: when last, when next, and what that waits for",
          [&] { return ferry::ctl::show_wakes(options); });
  command("watch", "What happens, as it happens", [&] { return ferry::ctl::watch(options); });
}

void add_actions(CLI::App& app, Asked& asked) {
  CLI::App* sync = app.add_subcommand("sync", "Ask the sources for news now");
  sync->add_option("SOURCE", asked.source, "Only this one");
  sync->add_flag("--wait", asked.wait, "Stay until it is done; fails when it fails");
  sync->callback([&] {
    asked.run = [&] { return ferry::ctl::sync(asked.options, asked.source, asked.wait); };
  });

  CLI::App* assign = app.add_subcommand("assign", "Give one device a release of its own");
  assign->add_option("DEVICE", asked.assign.device, "Its id")->required();
  assign->add_option("VERSION", asked.assign.version, "The release's version")->required();
  assign->add_option("--product", asked.assign.product, "When the id alone is not enough");
  assign->add_flag("--downgrade", asked.assign.downgrade, "Even below the version it has");
  CLI::App* unassign = app.add_subcommand("unassign", "Give a device the newest release again");
  unassign->add_option("DEVICE", asked.assign.device, "Its id")->required();
  unassign->add_option("--product", asked.assign.product, "When the id alone is not enough");
  for (CLI::App* command : {assign, unassign}) {
    command->callback(
        [&] { asked.run = [&] { return ferry::ctl::assign(asked.options, asked.assign); }; });
  }
}

// CLI11's own check of numbers takes "-1" in some builds, and says in others what the largest
// double is.
std::string check_number(const std::string& text) {
  constexpr std::size_t most_digits = 18;
  const bool good = !text.empty() && text.size() <= most_digits &&
                    text.find_first_not_of("0123456789") == text.npos &&
                    text.find_first_not_of('0') != text.npos;
  return good ? "" : "'" + text + "' is no delivery's number; see ferryctl deliveries";
}

void add_orders(CLI::App& app, Asked& asked) {
  struct Word {
    const char* name;
    const char* text;
  };
  constexpr std::array words{
      Word{"pause", "Stop a delivery until it is resumed"},
      Word{"resume", "Let a delivery that was paused go on"},
      Word{"cancel", "End a delivery; the device does not get this release any more"},
      Word{"force", "Go on with a delivery now, whatever window, battery and rollout say"},
      Word{"install", "Start what was delivered, where the product installs on command"}};
  for (const Word& word : words) {
    CLI::App* command = app.add_subcommand(word.name, word.text);
    command->add_option("DELIVERY", asked.delivery, "Its number; see deliveries")
        ->required()
        ->check(check_number);
    command->callback([&asked, name = std::string(word.name)] {
      asked.run = [&asked, name] { return ferry::ctl::order(asked.options, asked.delivery, name); };
    });
  }
  CLI::App* retry = app.add_subcommand("retry", "Try a delivery again, or a release that stopped");
  CLI::Option* one = retry->add_option("DELIVERY", asked.delivery, "Its number; see deliveries");
  one->check(check_number);
  CLI::Option* all =
      retry->add_option("--release", asked.release, "PRODUCT VERSION, for all devices");
  all->expected(2)->excludes(one);
  retry->callback([&asked, one, all] {
    if (one->count() + all->count() == 0) throw CLI::RequiredError("DELIVERY or --release");
    asked.run = [&asked, release = all->count() > 0] {
      if (!release) return ferry::ctl::order(asked.options, asked.delivery, "retry");
      return ferry::ctl::order_release(asked.options, asked.release.at(0), asked.release.at(1),
                                       "retry");
    };
  });
}

void add_release_orders(CLI::App& app, Asked& asked) {
  struct Word {
    const char* name;
    const char* text;
  };
  constexpr std::array words{
      Word{"pin", "Keep a release whatever happens: eviction never takes it"},
      Word{"unpin", "Let eviction take a release again"},
      Word{"evict", "Remove a release from the store now"}};
  for (const Word& word : words) {
    CLI::App* command = app.add_subcommand(word.name, word.text);
    command->add_option("PRODUCT", asked.product, "What it is for")->required();
    command->add_option("VERSION", asked.version, "The release's version")->required();
    command->callback([&asked, name = std::string(word.name)] {
      asked.run = [&asked, name] {
        return ferry::ctl::order_release(asked.options, asked.product, asked.version, name);
      };
    });
  }
}

void add_broker(CLI::App& app, Asked& asked) {
  CLI::App* monitor = app.add_subcommand("monitor", "The connection to the broker");
  monitor->require_subcommand(1);
  CLI::App* test = monitor->add_subcommand("test", "Is the broker reached, and what is refused?");
  test->callback([&] { asked.run = [&] { return ferry::ctl::test_monitor(asked.options); }; });

  CLI::App* sign = app.add_subcommand("sign-command", "Sign a command for a gateway's broker");
  sign->add_option("COMMAND", asked.sign.command, "Its JSON; see docs/monitoring.md")->required();
  sign->add_option("--key", asked.sign.key, "The private key; see keygen")->required();
  sign->add_option("--gateway", asked.sign.gateway, "The name of the one it is for")->required();
  sign->add_option("--valid", asked.sign.valid, "Seconds until it expires")->capture_default_str();
  sign->add_option("--sequence", asked.sign.sequence,
                   "Above the last one of this key; without it, this machine's clock");
  sign->callback(
      [&] { asked.run = [&] { return ferry::ctl::sign_command(asked.options, asked.sign); }; });
}

void add_publishing(CLI::App& app, Asked& asked) {
  CLI::App* publish = app.add_subcommand("publish", "Make or bring up to date a site of releases");
  publish->add_option("DIRECTORY", asked.publish.directory, "Where the releases lie")->required();
  publish->add_option("SITE", asked.publish.site, "What a web server will serve")->required();
  publish->add_option("--product", asked.publish.product, "What they are for")->required();
  publish->add_option("--channel", asked.publish.channel, "Whom they are for")
      ->capture_default_str();
  publish
      ->add_option("--patches", asked.publish.patches,
                   "Patches from so many versions before, and compressed artifacts")
      ->check(CLI::Range(0, 15));
  publish
      ->add_option("--urgent", asked.publish.urgent,
                   "A version for which gateways may exceed a budget; once for each")
      ->allow_extra_args(false);
  CLI::Option* key =
      publish->add_option("--key", asked.publish.key, "The private key that signs; see keygen");
  CLI::Option* tuf = publish->add_flag("--tuf", asked.tuf, "A TUF repository instead of a site");
  tuf->excludes(key);
  CLI::Option* keys =
      publish->add_option("--keys", asked.publish.keys, "With --tuf: the folder of the keys");
  tuf->needs(keys);
  keys->needs(tuf);
  struct Days {
    const char* name;
    unsigned* days;
  };
  for (const Days& role :
       {Days{"root", &asked.publish.root_days}, Days{"targets", &asked.publish.targets_days},
        Days{"snapshot", &asked.publish.snapshot_days},
        Days{"timestamp", &asked.publish.timestamp_days}}) {
    publish
        ->add_option(std::string("--expires-") + role.name, *role.days,
                     "With --tuf: days for which it is believed")
        ->check(CLI::Range(1, 3650))
        ->needs(tuf)
        ->capture_default_str();
  }
  publish->callback([&] {
    asked.run = [&] { return ferry::ctl::publish_site(asked.options, asked.publish, asked.tuf); };
  });

  CLI::App* keygen = app.add_subcommand("keygen", "Make a key that signs what publish writes");
  keygen->add_option("FILE", asked.file, "Where the private key goes; not replaced")->required();
  keygen->callback(
      [&] { asked.run = [&] { return ferry::ctl::keygen(asked.options, asked.file); }; });
}

}  // namespace

int main(int argc, char** argv) {
  Asked asked;
  CLI::App app(
      "Looks after a Ferry gateway. Exit status: 0 ok, 1 failure, 2 usage, 3 agent not "
      "running, 4 no permission, 5 not found.");
  app.set_version_flag("--version", "ferryctl " FERRY_VERSION);
  app.add_option("--socket", asked.options.socket, "The agent's control socket")
      ->capture_default_str();
  app.add_flag("--json", asked.options.json, "JSON for scripts, as the agent sends it");
  app.require_subcommand(1);
  app.fallthrough();
  add_listings(app, asked);
  add_actions(app, asked);
  add_orders(app, asked);
  add_release_orders(app, asked);
  add_broker(app, asked);
  add_publishing(app, asked);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::usage);
  }
  const Exit exit = asked.run();
  // A full disk behind a redirection must not look like success.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return static_cast<int>(
        ferry::ctl::report({Exit::failure, "standard output cannot be written"}));
  }
  return static_cast<int>(exit);
}
