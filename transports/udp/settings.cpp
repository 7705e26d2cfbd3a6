#include "transports/udp/settings.hpp"

#include <algorithm>

#include "transports/pull/profiles.hpp"
#include "transports/read_settings.hpp"

namespace ferry::udp {
namespace {

constexpr std::uint16_t yaota_port = 8266;

using plugin::Choices;
using plugin::read_choice;
using plugin::read_number;
using plugin::read_time;

constexpr Choices<Dialect, 3> dialects_by_name = {
    {{"smp", Dialect::smp}, {"pull", Dialect::pull}, {"yaota8266", Dialect::yaota8266}}};
constexpr Choices<bool, 2> id_places = {{{"address", false}, {"info", true}}};

struct Discovery {
  bool hears_strangers;
  bool asks_mdns;
};
constexpr Choices<Discovery, 4> discoveries = {{{"no", {false, false}},
                                                {"packet", {true, false}},
                                                {"mdns", {false, true}},
                                                {"all", {true, true}}}};

Status read_listen(const plugin::Host& host, Settings& settings) {
  const std::string text = host.setting("listen").value_or("0.0.0.0:1337");
  const auto address = Address::parse(text, smp_port);
  if (!address)
    return plugin::wrong_setting("listen", text, "an address:port, such as 0.0.0.0:1337");
  settings.listen = *address;
  return {};
}

Status read_peers(const plugin::Host& host, Settings& settings) {
  const std::string text = host.setting("peers").value_or("");
  const std::uint16_t port = settings.dialect == Dialect::yaota8266 ? yaota_port : smp_port;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \t,", at), text.size());
    const std::string_view one = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (one.empty()) continue;
    const auto address = Address::parse(one, port);
    if (!address || address->port() == 0) {
      return plugin::wrong_setting("peers", one,
                                   "a numeric address, such as 192.168.4.2 or [fd00::2]:1337");
    }
    settings.peers.push_back(*address);
  }
  return {};
}

Status read_discovery(const plugin::Host& host, Settings& settings) {
  Discovery discovery{settings.hears_strangers, settings.asks_mdns};
  Status read = read_choice(host, "discover", discoveries, discovery);
  settings.hears_strangers = discovery.hears_strangers;
  settings.asks_mdns = discovery.asks_mdns;
  return read;
}

Status check_together(const Settings& settings) {
  if (settings.product.empty() && settings.dialect != Dialect::pull) {
    return fail(ErrorCode::invalid, "product: which one are the devices on this link?");
  }
  if (settings.dialect == Dialect::yaota8266 && settings.peers.empty()) {
    return fail(ErrorCode::invalid, "peers: yaota8266 devices do not ask; which are there?");
  }
  if (settings.dialect == Dialect::smp && settings.peers.empty() && !settings.asks_mdns &&
      !settings.hears_strangers) {
    return fail(ErrorCode::invalid, "peers: which devices, when discover = no?");
  }
  if (settings.peers.size() > settings.max_devices) {
    return fail(ErrorCode::invalid, "max_devices: is less than the devices that peers names");
  }
  return {};
}

}  // namespace

Result<Settings> read_settings(const plugin::Host& host) {
  Settings settings;
  settings.product = host.setting("product").value_or("");
  Status fine = read_choice(host, "dialect", dialects_by_name, settings.dialect);
  if (fine) fine = read_choice(host, "device_id", id_places, settings.push.id_by_info);
  if (fine) fine = read_listen(host, settings);
  if (fine) fine = read_peers(host, settings);
  if (fine) fine = read_discovery(host, settings);
  if (fine) fine = read_number(host, "max_devices", "a number", settings.max_devices);
  if (fine) fine = read_time(host, "poll_interval", settings.push.poll_interval);
  if (fine) fine = read_time(host, "probe_timeout", settings.push.probe_timeout);
  if (fine) fine = check_together(settings);
  if (!fine) return fail(fine.error());
  auto profiles = pull::read_profiles(host, settings.product);
  if (!profiles) return fail(profiles.error());
  settings.profiles = std::move(*profiles);
  settings.push.refuse_downgrade =
      host.product_setting(settings.product, "allow_downgrade").value_or("no") != "yes";
  return settings;
}

}  // namespace ferry::udp
