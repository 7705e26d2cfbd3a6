// What each subcommand of ferryctl does. Answers go to standard output, problems to standard error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "ctl/client.hpp"
#include "ctl/publish.hpp"
#include "ctl/tuf_publish.hpp"

namespace ferry::ctl {

struct Options {
  std::filesystem::path socket = "/run/ferry/control";
  bool json = false;  // the API's JSON as it came
};

struct AssignOptions {
  std::string device;
  std::string product;
  std::string version;  // "" = the newest again
  bool downgrade = false;
};

Exit show_status(const Options& options);
Exit show_sources(const Options& options);
Exit show_releases(const Options& options);
// "" = all
Exit show_devices(const Options& options, const std::string& device);
Exit show_deliveries(const Options& options);
Exit show_wakes(const Options& options);
Exit assign(const Options& options, const AssignOptions& what);
// `what` is a word of the control API: pause, resume, retry, cancel, force, install.
Exit order(const Options& options, std::uint64_t delivery, const std::string& what);
// `what` is a word of the control API: retry, pin, unpin, evict.
Exit order_release(const Options& options, const std::string& product, const std::string& version,
                   const std::string& what);
// Asks the broker for an answer, and says what it refuses; fails unless all is well.
Exit test_monitor(const Options& options);
// An envelope for the topic `command` of a gateway, on standard output.
struct SignOptions {
  std::filesystem::path key;
  std::string gateway;
  std::string command;         // its JSON
  std::uint64_t sequence = 0;  // 0 = milliseconds since 1970, by this machine's clock
  std::uint64_t valid = 300;   // seconds from now
};
Exit sign_command(const Options& options, const SignOptions& what);
// "" = every source
Exit sync(const Options& options, const std::string& source, bool wait);
Exit watch(const Options& options);
// `tuf`: as a repository of The Update Framework, else as a site.
Exit publish_site(const Options& options, const TufPublishOptions& what, bool tuf);
Exit keygen(const Options& options, const std::filesystem::path& file);

// "ferryctl: message" on standard error.
Exit report(const Problem& problem);

}  // namespace ferry::ctl
