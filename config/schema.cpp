#include "config/schema.hpp"

#include <fmt/format.h>

#include <array>

#include "config/policy_values.hpp"
#include "config/values.hpp"

namespace ferry::config {
namespace {

template <typename>
struct MemberOf;
template <typename Target, typename Field>
struct MemberOf<Field Target::*> {
  using type = Target;
};

// A key of type Type that fills the field `member`.
template <auto member, typename Type>
constexpr auto key(std::string_view name, std::string_view standard, std::string_view explanation,
                   std::string_view only = "", Need need = Need::optional) {
  using Target = typename MemberOf<decltype(member)>::type;
  const auto fill = [](const Key<Target>&, Target& target, std::string_view text) {
    auto value = Type::parse(text);
    if (value) target.*member = std::move(*value);
    return value.has_value();
  };
  return Key<Target>{name, need, standard, only, Type::noun, explanation, fill};
}

template <auto member, typename Type>
constexpr auto required(std::string_view name, std::string_view explanation,
                        std::string_view only = "") {
  return key<member, Type>(name, "", explanation, only, Need::required);
}

// A key of type Type whose normalized text is handed to the plugin.
template <typename Type>
constexpr Key<TransportSettings> plugin_key(std::string_view name, std::string_view standard,
                                            std::string_view explanation) {
  const auto fill = [](const Key<TransportSettings>& self, TransportSettings& target,
                       std::string_view text) {
    const auto value = Type::parse(text);
    if (value) target.values[std::string(self.name)] = values::normalized(*value);
    return value.has_value();
  };
  return {name, Need::optional, standard, "", Type::noun, explanation, fill};
}

constexpr auto gateway = std::to_array<Key<GatewaySettings>>({
    key<&GatewaySettings::name, values::TopicPart>(
        "name", "", "How this gateway is called in MQTT topics. Empty: the host name."),
    key<&GatewaySettings::log_level, values::LogLevel>(
        "log_level", "info", "What goes to the journal: debug, info, warning or error."),
    key<&GatewaySettings::control_socket, values::AbsolutePath>(
        "control_socket", "/run/ferry/control", "The socket that ferryctl talks to."),
});

constexpr auto storage = std::to_array<Key<StorageSettings>>({
    key<&StorageSettings::path, values::AbsolutePath>(
        "path", "/var/lib/ferry", "The folder that keeps firmware, catalog and outcomes."),
    key<&StorageSettings::quota, values::Size>("quota", "4G",
                                               "How much room firmware may take; when full, what "
                                               "nobody needs goes. K, M, G, T are powers of "
                                               "1024."),
    key<&StorageSettings::scrub_interval, values::Time>(
        "scrub_interval", "24h", "All that is stored is read again and checked once in this time."),
});

constexpr auto monitor = std::to_array<Key<MonitorSettings>>({
    Key<MonitorSettings>{
        "broker", Need::optional, "", "", values::Broker::noun,
        "The MQTT broker, host:port. Empty: nothing is reported.",
        [](const Key<MonitorSettings>&, MonitorSettings& target, std::string_view text) {
          const auto broker = values::Broker::parse(text);
          if (!broker) return false;
          target.enabled = true;
          target.host = broker->host;
          target.port = broker->port;
          return true;
        }},
    key<&MonitorSettings::tls, values::Boolean>("tls", "yes",
                                                "Whether the broker is reached by TLS."),
    key<&MonitorSettings::ca_file, values::AbsolutePath>(
        "ca_file", "", "The certificates that may sign the broker's. Empty: those of the system."),
    key<&MonitorSettings::client_certificate, values::AbsolutePath>(
        "client_certificate", "",
        "This gateway's own certificate (PEM), if the broker asks for one."),
    key<&MonitorSettings::client_key, values::AbsolutePath>("client_key", "",
                                                            "The key of client_certificate (PEM)."),
    key<&MonitorSettings::user, values::Text>("user", "", "The user name for the broker."),
    key<&MonitorSettings::password_file, values::AbsolutePath>(
        "password_file", "",
        "A file with the password of user in its first line. It must not be readable by others."),
    key<&MonitorSettings::prefix, values::Topic>(
        "prefix", "ferry", "All topics begin with this and the gateway's name."),
    key<&MonitorSettings::state_interval, values::Time>("state_interval", "60s",
                                                        "How often the state is published."),
    key<&MonitorSettings::outbox_limit, values::Count>(
        "outbox_limit", "100000", "How many events are kept while the broker is away."),
    key<&MonitorSettings::commands, values::Boolean>("commands", "yes",
                                                     "Whether commands of the broker are obeyed."),
    key<&MonitorSettings::command_key, values::PublicKey>(
        "command_key", "",
        "The Ed25519 key that must have signed each command: base64, or a PEM file's path. Empty: "
        "whoever may publish there is obeyed."),
});

constexpr auto source = std::to_array<Key<SourceSettings>>({
    required<&SourceSettings::type, values::Type>(
        "type", "What kind of source this is: directory, https or tuf."),
    key<&SourceSettings::interval, values::Time>(
        "interval", "10min", "How often the source is asked for something new."),
    required<&SourceSettings::path, values::AbsolutePath>(
        "path", "The folder with the releases. It may come and go, like a USB stick.", "directory"),
    required<&SourceSettings::product, values::Name>("product", "The product that they are for.",
                                                     "directory"),
    key<&SourceSettings::channel, values::Name>("channel", "stable",
                                                "The channel that they belong to.", "directory"),
    required<&SourceSettings::url, values::SiteUrl>(
        "url", "Where it is: https: the folder with index.json; tuf: the one with timestamp.json.",
        "https, tuf"),
    required<&SourceSettings::root, values::AbsolutePath>(
        "root", "A copy of the repository's root.json from a trusted hand: all is checked by it.",
        "tuf"),
    key<&SourceSettings::targets_url, values::SiteUrl>(
        "targets_url", "", "Where the artifacts are. Empty: the folder targets beside that of url.",
        "tuf"),
    key<&SourceSettings::public_key, values::PublicKey>(
        "public_key", "",
        "The Ed25519 key that must have signed the site: base64, or a PEM file's path.", "https"),
    key<&SourceSettings::trust, values::TrustKind>("trust", "signature",
                                                   "Whom to believe: signature (needs public_key), "
                                                   "or tls (any site with a valid certificate).",
                                                   "https"),
    key<&SourceSettings::products, values::Names>(
        "products", "", "The products whose releases are taken, by comma. Empty: all of the site.",
        "https, tuf"),
    key<&SourceSettings::ca_file, values::AbsolutePath>(
        "ca_file", "", "The certificates that may sign the site's. Empty: those of the system.",
        "https, tuf"),
    key<&SourceSettings::client_certificate, values::AbsolutePath>(
        "client_certificate", "", "This gateway's own certificate (PEM), if the site asks for one.",
        "https, tuf"),
    key<&SourceSettings::client_key, values::AbsolutePath>(
        "client_key", "", "The key of client_certificate (PEM).", "https, tuf"),
    key<&SourceSettings::proxy, values::Text>("proxy", "", "A proxy's URL. Empty: none.",
                                              "https, tuf"),
    key<&SourceSettings::stall_timeout, values::Time>(
        "stall_timeout", "30s",
        "A transfer that brings less than 64 bytes a second for so long is ended and resumed.",
        "https, tuf"),
    key<&SourceSettings::window, values::Windows>(
        "window", "",
        "When something is fetched, in local time: 22:00-05:00, several by comma. Empty: any time.",
        "https, tuf"),
    key<&SourceSettings::rate, values::Size>(
        "rate", "", "At most so many bytes a second: 200K. Empty: as fast as the link brings them.",
        "https, tuf"),
    key<&SourceSettings::budget, values::Allowance>(
        "budget", "",
        "At most so many bytes in each day, week or month: 500M/month. Empty: no limit.",
        "https, tuf"),
    key<&SourceSettings::metered, values::Names>(
        "metered", "",
        "The interfaces for which window, rate and budget hold: wwan0, ppp0. Empty: for all.",
        "https, tuf"),
});

constexpr auto product = std::to_array<Key<ProductSettings>>({
    key<&ProductSettings::dialect, values::Dialect>(
        "dialect", "plain", "What these devices speak; the README's table says which is whose."),
    key<&ProductSettings::versions, values::Order>(
        "versions", "loose",
        "How versions are ordered: loose (as Python's LooseVersion) or semver."),
    key<&ProductSettings::channel, values::Name>("channel", "stable",
                                                 "The channel that devices get releases of."),
    key<&ProductSettings::allow_downgrade, values::Boolean>(
        "allow_downgrade", "no", "Whether a device may be given a version lower than its own."),
    key<&ProductSettings::report_within, values::Time>(
        "report_within", "24h",
        "A device that got a release and is not seen with it for so long: outcome unknown."),
    key<&ProductSettings::match_path, values::PathPrefix>(
        "match_path", "/NAME", "Requests whose path begins so are from these devices."),
    key<&ProductSettings::match_query, values::QueryMatch>(
        "match_query", "", "So are requests with this in their query: key=value."),
    key<&ProductSettings::match_header, values::HeaderMatch>(
        "match_header", "", "So are requests with this header: Header: value."),
    key<&ProductSettings::match_address, values::Network>(
        "match_address", "", "So are requests from this network: 10.1.0.0/16."),
    key<&ProductSettings::device_id, values::DeviceId>(
        "device_id", "address",
        "What tells a device from others: address, path (the part below match_path), query:KEY or "
        "header:NAME."),
    key<&ProductSettings::device_version, values::DeviceVersion>(
        "device_version", "", "Where a device tells its version: query:KEY or header:NAME.",
        "plain, quecpython, esp-idf, json"),
    key<&ProductSettings::nothing_to_do, values::NothingToDo>(
        "nothing_to_do", "not-found",
        "What a device without an update is answered: not-found (404) or empty ({}); of dialect "
        "json also no-content (204) or not-modified (304).",
        "chunked, json"),
    key<&ProductSettings::block_check, values::BlockCheck>(
        "block_check", "skip-last",
        "How the device checks its image: skip-last (forgets the last block when all are full) or "
        "whole-blocks (never hashes the last block).",
        "chunked"),
    required<&ProductSettings::chip_family, values::Name>(
        "chip_family", "What ESPHome calls the chip of these devices: ESP32, ESP32-S3, ESP8266, …",
        "esphome"),
    key<&ProductSettings::json_version, values::JsonField>(
        "json_version", "version",
        "In which field the release's version stands. A dot goes one object down: ota.version.",
        "json"),
    key<&ProductSettings::json_url, values::JsonField>(
        "json_url", "url", "In which field the image's URL stands.", "json"),
    key<&ProductSettings::json_hash, values::JsonField>(
        "json_hash", "hash", "In which field its hash stands. Empty: it is not told.", "json"),
    key<&ProductSettings::json_hash_kind, values::HashKind>(
        "json_hash_kind", "sha256", "Which hash that is: sha256, sha1 or md5.", "json"),
    key<&ProductSettings::json_size, values::JsonField>(
        "json_size", "size", "In which field its size in bytes stands. Empty: it is not told.",
        "json"),
    key<&ProductSettings::window, values::Windows>(
        "window", "",
        "When deliveries may begin, in local time: 22:00-06:00, several by comma. Empty: any "
        "time."),
    key<&ProductSettings::minimum_battery, values::Percent>(
        "minimum_battery", "0",
        "A device that tells a battery below this many percent is left in peace."),
    key<&ProductSettings::minimum_signal, values::Signal>(
        "minimum_signal", "0",
        "So is one with a weaker signal than this, in dBm: -80. 0: however weak."),
    key<&ProductSettings::at_once, values::Connections>(
        "at_once", "4", "How many devices are brought something at once on each transport."),
    key<&ProductSettings::attempts, values::Attempts>(
        "attempts", "5", "How often a delivery may fail before it is given up."),
    key<&ProductSettings::retry_delay, values::Time>(
        "retry_delay", "1min",
        "The pause before the next attempt. It is doubled after each, up to 1h."),
    key<&ProductSettings::install, values::Install>(
        "install", "at-once",
        "When a device is told to start what it was brought: at-once, or on-command (ferryctl "
        "install)."),
    key<&ProductSettings::confirm, values::Confirm>(
        "confirm", "gateway",
        "Who says that a new image stays: gateway, once the device is back with it, or device."),
    key<&ProductSettings::confirm_within, values::Time>(
        "confirm_within", "10min",
        "A device that does not run the new image for good after so long: outcome unknown."),
    key<&ProductSettings::rollout_first, values::Limit>(
        "rollout_first", "0", "So many devices get a release before all others. 0: all at once."),
    key<&ProductSettings::rollout_percent, values::Share>(
        "rollout_percent", "100",
        "So many percent of the devices get a release before all others. 100: all at once."),
    key<&ProductSettings::rollout_wait, values::Time>(
        "rollout_wait", "24h", "How long the others wait once these are done."),
    key<&ProductSettings::stop_after, values::Limit>(
        "stop_after", "5", "So many failures stop a release for all devices. 0: never."),
});

constexpr auto transport = std::to_array<Key<TransportSettings>>({
    required<&TransportSettings::plugin, values::Name>(
        "plugin", "Which plugin moves the bytes: http, serial, udp, loopback, or one of your own."),
});

constexpr auto http = std::to_array<Key<TransportSettings>>({
    plugin_key<values::Endpoint>("listen", "0.0.0.0:8000",
                                 "Where to listen, address:port. IPv6 in brackets: [::]:8000."),
    plugin_key<values::Name>("product", "",
                             "The product of requests that no product's match_ keys fit."),
    plugin_key<values::Connections>("max_connections", "256",
                                    "How many devices may be connected at once."),
    plugin_key<values::Timeout>("idle_timeout", "60s",
                                "A connection on which nothing moves for so long is closed."),
    plugin_key<values::Timeout>("header_timeout", "10s",
                                "A request has to be complete within this time."),
});

constexpr auto serial = std::to_array<Key<TransportSettings>>({
    plugin_key<values::PortPatterns>(
        "port", "",
        "The lines: paths, which may have * and ?. /dev/serial/by-id/ has names that stay."),
    plugin_key<values::SerialDialect>(
        "dialect", "smp",
        "What the devices speak: smp (they are told), pull (they ask), raw, xmodem or ymodem."),
    plugin_key<values::Name>("product", "", "The product of the devices on these lines."),
    plugin_key<values::SerialDeviceId>(
        "device_id", "port",
        "What tells a device from others: port (the line's name), or info (smp: its node name)."),
    plugin_key<values::Baud>(
        "baud", "115200",
        "Bits a second. Of USB devices without a real UART: the most that they are sent."),
    plugin_key<values::Parity>("parity", "none", "Parity: none, even or odd."),
    plugin_key<values::StopBits>("stop_bits", "1", "Stop bits: 1 or 2."),
    plugin_key<values::FlowControl>("flow_control", "none",
                                    "Who holds the other back: none, rtscts or xonxoff."),
    plugin_key<values::Boolean>(
        "rs485", "no", "Whether the kernel drives the transceiver of an RS-485 line (TIOCSRS485)."),
    plugin_key<values::Text>(
        "trigger", "",
        "raw, xmodem, ymodem: text of the line by which a device asks. Empty: they are told."),
    plugin_key<values::Timeout>("poll_interval", "5s",
                                "smp: how often a line is looked at for a device."),
    plugin_key<values::Timeout>("probe_timeout", "1s",
                                "smp: how long a device may take to answer a question."),
});

constexpr auto udp = std::to_array<Key<TransportSettings>>({
    plugin_key<values::Endpoint>("listen", "0.0.0.0:1337",
                                 "Where to listen, address:port; another one for each section."),
    plugin_key<values::UdpDialect>(
        "dialect", "smp",
        "What the devices speak: smp (they are told), pull (they ask), or yaota8266."),
    plugin_key<values::UdpPeers>(
        "peers", "",
        "Addresses of devices that are told, with :port where it is not 1337 (yaota8266: 8266)."),
    plugin_key<values::UdpDiscovery>(
        "discover", "packet",
        "smp: how others are found: packet (they speak first), mdns, all (both), or no."),
    plugin_key<values::Name>("product", "", "The product of the devices on this link."),
    plugin_key<values::UdpDeviceId>(
        "device_id", "address",
        "What tells a device from others: address, or info (smp: its node name)."),
    plugin_key<values::Connections>("max_devices", "64", "How many devices may be served at once."),
    plugin_key<values::Timeout>("poll_interval", "5s", "How often a device is looked for."),
    plugin_key<values::Timeout>("probe_timeout", "1s",
                                "How long a device may take to answer a question."),
});

constexpr auto loopback = std::to_array<Key<TransportSettings>>({
    plugin_key<values::Name>("product", "", "The product of the device that loopback plays."),
    plugin_key<values::Name>("device", "loopback-1", "The id of the device that loopback plays."),
    plugin_key<values::Name>("version", "", "The version that this device says it runs at first."),
});

struct Plugin {
  std::string_view name;
  std::span<const Key<TransportSettings>> keys;
};
constexpr std::array<Plugin, 4> plugins = {
    {{"http", http}, {"serial", serial}, {"udp", udp}, {"loopback", loopback}}};

template <typename Keys>
void describe(std::vector<KeyDescription>& out, const std::string& section, const Keys& keys) {
  for (const auto& key : keys) {
    out.push_back({section, std::string(key.name), key.need, std::string(key.standard),
                   std::string(key.explanation)});
  }
}

}  // namespace

std::span<const Key<GatewaySettings>> gateway_keys() {
  return gateway;
}
std::span<const Key<StorageSettings>> storage_keys() {
  return storage;
}
std::span<const Key<MonitorSettings>> monitor_keys() {
  return monitor;
}
std::span<const Key<SourceSettings>> source_keys() {
  return source;
}
std::span<const Key<ProductSettings>> product_keys() {
  return product;
}
std::span<const Key<TransportSettings>> transport_keys() {
  return transport;
}

std::optional<std::span<const Key<TransportSettings>>> plugin_keys(std::string_view plugin) {
  for (const auto& known : plugins) {
    if (known.name == plugin) return known.keys;
  }
  return std::nullopt;
}

std::vector<KeyDescription> describe_keys() {
  std::vector<KeyDescription> all;
  describe(all, "gateway", gateway);
  describe(all, "storage", storage);
  describe(all, "monitor", monitor);
  describe(all, "source", source);
  describe(all, "product", product);
  describe(all, "transport", transport);
  for (const auto& plugin : plugins) {
    describe(all, fmt::format("transport:{}", plugin.name), plugin.keys);
  }
  return all;
}

}  // namespace ferry::config
