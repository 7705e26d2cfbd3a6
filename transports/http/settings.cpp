#include "transports/http/settings.hpp"

#include "transports/pull/profiles.hpp"
#include "transports/read_settings.hpp"

namespace ferry::http {
namespace {

using plugin::read_number;
using plugin::read_time;

Status read_listen(const plugin::Host& host, Settings& settings) {
  const std::string listen = host.setting("listen").value_or("");
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos ||
      !plugin::parse_number(std::string_view(listen).substr(colon + 1), settings.port)) {
    return plugin::wrong_setting("listen", listen, "an address:port, such as 0.0.0.0:8000");
  }
  settings.address = listen.substr(0, colon);
  if (settings.address.starts_with('[') && settings.address.ends_with(']')) {
    settings.address = settings.address.substr(1, settings.address.size() - 2);
  }
  return {};
}

}  // namespace

Result<Settings> read_settings(const plugin::Host& host) {
  Settings settings;
  settings.product = host.setting("product").value_or("");
  settings.mirror = host.has_mirror() && !host.setting("mirror").value_or("").empty();
  Status fine = read_listen(host, settings);
  if (fine) fine = read_number(host, "max_connections", "a number", settings.max_connections);
  if (fine) fine = read_time(host, "idle_timeout", settings.idle_timeout);
  if (fine) fine = read_time(host, "header_timeout", settings.header_timeout);
  if (!fine) return fail(fine.error());
  auto profiles = pull::read_profiles(host, settings.product);
  if (!profiles) return fail(profiles.error());
  settings.profiles = std::move(*profiles);
  return settings;
}

}  // namespace ferry::http
