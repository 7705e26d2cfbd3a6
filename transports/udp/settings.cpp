#include "transports/udp/settings.hpp"

#include <fmt/format.h>

#include <charconv>

#include "transports/pull/profiles.hpp"

namespace ferry::udp {
namespace {

constexpr std::uint16_t smp_port = 1337;
constexpr std::uint16_t yaota_port = 8266;

Status wrong(const char* key, std::string_view text, std::string_view what) {
  return fail(ErrorCode::invalid, fmt::format("{}: '{}' is not {}", key, text, what));
}

template <typename Number>
Status read_number(const plugin::Host& host, const char* key, const char* what, Number& number) {
  const std::string text = host.setting(key).value_or("");
  if (text.empty()) return {};
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number == 0) return wrong(key, text, what);
  return {};
}

Status read_time(const plugin::Host& host, const char* key, Duration& time) {
  auto milliseconds = static_cast<std::uint32_t>(time.count());
  Status read = read_number(host, key, "a number of milliseconds", milliseconds);
  if (read) time = Duration(milliseconds);
  return read;
}

Status read_dialect(const plugin::Host& host, Settings& settings) {
  const std::string text = host.setting("dialect").value_or("");
  if (text == "pull") settings.dialect = Dialect::pull;
  if (text == "yaota8266") settings.dialect = Dialect::yaota8266;
  if (text.empty() || text == "smp" || settings.dialect != Dialect::smp) return {};
  return wrong("dialect", text, "one of smp, pull, yaota8266");
}

Status read_listen(const plugin::Host& host, Settings& settings) {
  const std::string text = host.setting("listen").value_or("0.0.0.0:1337");
  const auto address = Address::parse(text, smp_port);
  if (!address) return wrong("listen", text, "an address:port, such as 0.0.0.0:1337");
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
      return wrong("peers", one, "a numeric address, such as 192.168.4.2 or [fd00::2]:1337");
    }
    settings.peers.push_back(*address);
  }
  return {};
}

Status read_discovery(const plugin::Host& host, Settings& settings) {
  const std::string text = host.setting("discover").value_or("packet");
  settings.hears_strangers = text == "packet" || text == "all";
  settings.asks_mdns = text == "mdns" || text == "all";
  if (text == "no" || settings.hears_strangers || settings.asks_mdns) return {};
  return wrong("discover", text, "one of no, packet, mdns, all");
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
  settings.push.id_by_info = host.setting("device_id").value_or("address") == "info";
  Status fine = read_dialect(host, settings);
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
