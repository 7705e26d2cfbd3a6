#include <array>

#include "config/key_makers.hpp"
#include "config/policy_values.hpp"
#include "config/radio_values.hpp"
#include "config/things.hpp"
#include "config/values.hpp"

namespace ferry::config {
namespace {

constexpr auto transport = std::to_array<Key<TransportSettings>>({
    required<&TransportSettings::plugin, values::Name>(
        "plugin",
        "Which plugin moves the bytes: http, serial, udp, ble, mqtt, loopback, or one of your "
        "own."),
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
    plugin_key<values::NameList>(
        "mirror", "",
        "Sources of type tuf, by comma, that other gateways may pull from here, below "
        "/mirror/SOURCE/. Empty: none."),
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

constexpr auto ble = std::to_array<Key<TransportSettings>>({
    plugin_key<values::BluetoothDialect>(
        "dialect", "smp",
        "What the devices speak: smp (they are told), or pull (the gateway advertises, they ask)."),
    plugin_key<values::Name>("product", "", "The product of the devices on this link."),
    plugin_key<values::BluetoothBackend>(
        "backend", "kernel",
        "Who has the adapters: kernel (no bluetoothd runs), or bluez (bluetoothd, by D-Bus)."),
    plugin_key<values::Adapters>("adapters", "", "Adapters to use, like hci0. Empty: all."),
    plugin_key<values::ServiceUuids>("service", "8d53dc1d-1db7-4cd3-868b-8a527460aa84",
                                     "smp: what a device advertises: one of these services (the "
                                     "standard: SMP's); any: does not matter."),
    plugin_key<values::Text>("name", "",
                             "smp: what its name is, with * for anything. Empty: does not matter."),
    plugin_key<values::CompanyNumber>("company", "",
                                      "smp: whose manufacturer data it advertises, like 0059."),
    plugin_key<values::HexBytes>("manufacturer_data", "",
                                 "smp: what these data begin with, in hex, behind the company."),
    plugin_key<values::BluetoothAddresses>(
        "addresses", "",
        "smp: which devices alone are visited, by their addresses. Empty: all that fit."),
    plugin_key<values::RadioSignal>("signal", "",
                                    "smp: how well it must be heard at least, in dBm, like -80."),
    plugin_key<values::BluetoothDeviceId>(
        "device_id", "address",
        "What tells a device from others: address, or info (smp: its node name)."),
    plugin_key<values::AbsolutePath>(
        "passkey_file", "",
        "A file with the passkey of devices whose product demands pairing: six digits; not "
        "readable by everyone."),
    plugin_key<values::Connections>("connections", "1",
                                    "smp: how many devices each adapter is connected to at once."),
    plugin_key<values::Timeout>("visit_interval", "15min",
                                "smp: how often a device that needed nothing is visited again."),
    plugin_key<values::Timeout>("probe_timeout", "5s",
                                "smp: how long a device may take to answer a question."),
});

constexpr auto mqtt = std::to_array<Key<TransportSettings>>({
    plugin_key<values::Endpoint>(
        "broker", "127.0.0.1:1883",
        "The gateway's own MQTT broker, address:port, without TLS. Never one of the cloud's."),
    plugin_key<values::Name>("user", "", "The name under which the gateway is known there."),
    plugin_key<values::AbsolutePath>(
        "password_file", "",
        "A file with the password that goes with it; not readable by everyone."),
    plugin_key<values::TopicPart>(
        "client_id", "ferry-jobs",
        "As what the gateway connects there; another one for each section."),
    plugin_key<values::SiteUrl>(
        "url", "", "Where devices reach this gateway's http transport: http://192.168.4.1:8000."),
    plugin_key<values::Name>("product", "",
                             "The product of the things that are not named. Empty: no others."),
    plugin_key<values::ThingProducts>(
        "things", "", "Which product single things are: thing = product, several by comma."),
});

constexpr auto loopback = std::to_array<Key<TransportSettings>>({
    plugin_key<values::Name>("product", "", "The product of the device that loopback plays."),
    plugin_key<values::Name>("device", "loopback-1", "The id of the device that loopback plays."),
    plugin_key<values::Name>("version", "", "The version that this device says it runs at first."),
});

constexpr std::array<PluginKeys, 6> known_plugins = {{{"http", http},
                                                      {"serial", serial},
                                                      {"udp", udp},
                                                      {"ble", ble},
                                                      {"mqtt", mqtt},
                                                      {"loopback", loopback}}};

}  // namespace

std::span<const Key<TransportSettings>> transport_keys() {
  return transport;
}

std::span<const PluginKeys> plugins() {
  return known_plugins;
}

}  // namespace ferry::config
