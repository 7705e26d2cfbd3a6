#include <array>

#include "config/key_makers.hpp"
#include "config/policy_values.hpp"
#include "config/values.hpp"
#include "config/wake_values.hpp"

namespace ferry::config {
namespace {

constexpr auto gateway = std::to_array<Key<GatewaySettings>>({
    key<&GatewaySettings::name, values::TopicPart>(
        "name", "", "How this gateway is called in MQTT topics. Empty: the host name."),
    key<&GatewaySettings::log_level, values::LogLevel>(
        "log_level", "info", "What goes to the journal: debug, info, warning or error."),
    key<&GatewaySettings::control_socket, values::AbsolutePath>(
        "control_socket", "/run/ferry/control", "The socket that ferryctl talks to."),
    key<&GatewaySettings::wakes_per_hour, values::PerHour>(
        "wakes_per_hour", "60",
        "At most so many wake-ups in an hour, of all [wake.NAME] together."),
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
    key<&MonitorSettings::home_assistant, values::Discovery>(
        "discovery", "none",
        "homeassistant: the gateway and each device show themselves in Home Assistant as updates, "
        "with a button where commands need no signature."),
    key<&MonitorSettings::discovery_prefix, values::Topic>(
        "discovery_prefix", "homeassistant",
        "The topics where Home Assistant looks for them begin with this."),
    key<&MonitorSettings::metrics, values::Loopback>(
        "metrics", "",
        "Where GET /metrics is served for Prometheus and its like, address:port of this machine "
        "alone. Needs no broker. Empty: nowhere but on the control socket."),
});

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

}  // namespace ferry::config
