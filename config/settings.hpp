// Ferry's settings, typed and checked: what config/ferry.ini explains key by key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"

namespace ferry::config {

struct GatewaySettings {
  std::string name;  // default: the host name; stands in MQTT topics
  log::Level log_level = log::Level::info;
  std::filesystem::path control_socket = "/run/ferry/control";
  std::uint64_t wakes_per_hour = 60;  // wake-ups of all [wake.NAME] together; at least 1
};

struct StorageSettings {
  std::filesystem::path path = "/var/lib/ferry";
  std::uint64_t quota = 4ULL << 30U;  // bytes that packs may take
  Duration scrub_interval =
      std::chrono::hours(24);  // each pack is read and checked once in this time
};

enum class SourceType { directory, https, tuf, aws_jobs };
std::string_view to_string(SourceType type);
// Of https alone: what lies in a directory is trusted, and a tuf source has its root.
enum class Trust { signature, tls };

// How much may be fetched in each day, week or month.
enum class Period { day, week, month };
struct Budget {
  std::uint64_t bytes = 0;
  Period period = Period::month;
  bool operator==(const Budget&) const = default;
};

// A part of each day in local time, in minutes since midnight; `until` is not in it. One that ends
// before it begins goes over midnight.
struct DayWindow {
  unsigned from = 0;
  unsigned until = 0;
  auto operator<=>(const DayWindow&) const = default;
};

// In place of interfaces: whatever NetworkManager says costs money.
inline constexpr std::string_view network_manager = "network-manager";

// A host and its port.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

// A thing of a cloud's, and what it is here: one device, or whatever devices of a product there
// are.
struct ThingSettings {
  std::string thing;
  std::string product;
  std::string device;  // "" all of the product
  bool operator==(const ThingSettings&) const = default;
};

struct SourceSettings {
  std::string name;
  SourceType type = SourceType::directory;
  std::filesystem::path path;      // directory: where the releases lie
  std::string product;             // directory: the product that these releases are for
  std::string channel = "stable";  // directory, aws-jobs: the channel they belong to
  std::string url;                 // https: the site; tuf: the metadata; ends in '/'
  std::string targets_url;         // tuf: the artifacts, ends in '/'; complete once loaded
  std::filesystem::path root;      // tuf: the root metadata that is trusted from the start
  Duration grace = std::chrono::hours(24 * 30);  // tuf: releases are offered on past its expiry
  std::string public_key;  // https: Ed25519 public key, base64 of 32 bytes or a PEM file's path
  Trust trust = Trust::signature;
  std::vector<std::string> products;  // https, tuf: whose releases are taken; empty = all
  unsigned priority =
      0;              // https, tuf, aws-jobs: while one of a higher one fetches, this one does not
  HostPort endpoint;  // aws-jobs: the broker of the account
  std::vector<ThingSettings> things;  // aws-jobs: whose jobs are taken; at least one
  std::string client_id;              // aws-jobs: "" = the first of the things
  Duration interval = std::chrono::minutes(10);
  std::filesystem::path ca_file;
  std::filesystem::path client_certificate;
  std::filesystem::path client_key;
  std::string proxy;
  Duration stall_timeout = std::chrono::seconds(30);  // no byte for so long ends a transfer
  bool mirrored = false;                              // tuf: a transport's `mirror` names it
  // https, tuf, aws-jobs: links that cost money.
  std::vector<DayWindow> window;  // when something is fetched; empty: any time
  std::uint64_t rate = 0;         // bytes a second; 0: as fast as it goes
  std::optional<Budget> budget;   // nothing: no limit
  bool urgent = true;             // what is marked so may exceed the budget
  // Interfaces for which these three hold, or network_manager alone; empty: all.
  std::vector<std::string> metered;
};

struct TransportSettings {
  std::string name;
  std::string plugin;
  // The plugin's own keys, for its host. Where the plugin is Ferry's own they are checked by type,
  // normalized (times in milliseconds, sizes in bytes) and complete: those not set have their
  // defaults, and those without a default are left out. Of other plugins: as written.
  std::map<std::string, std::string> values;
};

enum class VersionOrder { loose, semver };

enum class InstallWhen { at_once, on_command };
enum class ConfirmedBy { gateway, device };
// What a link over Bluetooth LE to these devices has to be: as it comes, or paired with a passkey.
enum class Pairing { none, passkey };

// A kind of device. Everything a transport needs of it is handed to its host as well.
struct ProductSettings {
  std::string name;
  std::string dialect = "plain";  // one of formats::dialect_names
  VersionOrder versions = VersionOrder::loose;
  std::string channel = "stable";
  bool allow_downgrade = false;
  Duration report_within =
      std::chrono::hours(24);  // transferred but not seen with the new version: unknown
  // How a request is known to come from this kind of device; the first that fits wins.
  std::string
      match_path;  // prefix of the path, default "/NAME"; it is cut off before the dialect looks
  std::string match_query;    // "key=value"
  std::string match_header;   // "Header: value"
  std::string match_address;  // "10.1.0.0/16"
  // Where the device's id stands: "address", "query:KEY", "header:NAME", "path" (first part below
  // match_path)
  std::string device_id = "address";
  // plain, quecpython, esp-idf, json: where a device tells its version: "", "query:KEY",
  // "header:NAME"
  std::string device_version;
  // chunked, json: what a device with nothing to do is answered: "not-found" (404) or "empty" ({});
  // json alone: "no-content" (204) or "not-modified" (304)
  std::string nothing_to_do = "not-found";
  // chunked: "skip-last" (pads a whole multiple of 512 with four 0xFF) or "whole-blocks" (a client
  // that divides with //: pads to a multiple of 512, hash of all but the last 512 bytes)
  std::string block_check = "skip-last";
  Pairing pairing = Pairing::none;
  std::string chip_family;  // esphome: what its manifest calls the chip
  // json: in which fields the offer's parts stand, a dot for each step down; "" not told
  std::string json_version = "version";
  std::string json_url = "url";
  std::string json_hash = "hash";
  std::string json_hash_kind = "sha256";  // sha256, sha1, md5
  std::string json_size = "size";
  // When a delivery may begin and go on, and how it ends. Of what a device does not tell (battery,
  // signal) nothing is asked.
  std::vector<DayWindow> window;                   // empty: any time
  std::uint64_t minimum_battery = 0;               // percent
  int minimum_signal = 0;                          // dBm; 0 any
  std::uint64_t at_once = 4;                       // transfers at the same time on each transport
  std::uint64_t attempts = 5;                      // that may fail before the delivery has
  Duration retry_delay = std::chrono::minutes(1);  // doubled with each attempt, up to an hour
  InstallWhen install = InstallWhen::at_once;
  ConfirmedBy confirm = ConfirmedBy::gateway;
  // How long a device that was told to start the new image may take until it runs it for good.
  Duration confirm_within = std::chrono::minutes(10);
  std::uint64_t rollout_first = 0;      // devices that get a release before the others; 0 none
  std::uint64_t rollout_percent = 100;  // the same as a share of the product's devices; 100 none
  Duration rollout_wait = std::chrono::hours(24);  // between these and the others
  std::uint64_t stop_after = 5;  // failures that stop a release for all devices; 0 never
};

// What a host needs of a product, by the names of its keys.
std::map<std::string, std::string> product_values(const ProductSettings& product);

struct MonitorSettings {
  bool enabled = false;  // true when [monitor] has a broker
  std::string host;
  std::uint16_t port = 8883;
  bool tls = true;
  std::filesystem::path ca_file;
  std::filesystem::path client_certificate;
  std::filesystem::path client_key;
  std::string user;
  std::filesystem::path password_file;  // first line; must not be readable by others
  std::string prefix = "ferry";
  Duration state_interval = std::chrono::seconds(60);
  std::uint64_t outbox_limit = 100000;  // events kept while the broker is away
  bool commands = true;                 // whether commands are heard
  std::string command_key;              // "" = commands need no signature
  bool home_assistant = false;          // whether it is told of the gateway and its devices
  std::string discovery_prefix = "homeassistant";
  std::string metrics;  // "127.0.0.1:9464": a page of them is served there; "" none
};

// How devices are told by a message of the broker that something is for them.
enum class WakeTemplate { chirpstack, ttn, url_md5 };
std::string_view to_string(WakeTemplate wake_template);

// A device, and how the network that wakes it calls it: its devEUI, its id at The Things Stack, or
// its part of a topic.
struct WokenDevice {
  std::string device;
  std::string name;
  bool operator==(const WokenDevice&) const = default;
};

struct WakeSettings {
  std::string name;
  std::string product;
  WakeTemplate wake_template = WakeTemplate::chirpstack;
  std::vector<WokenDevice> devices;  // empty: those that are known, whose id is their name
  std::string application;           // chirpstack, ttn
  std::string tenant = "ttn";        // ttn
  unsigned port = 2;                 // chirpstack, ttn: FPort
  std::string payload = std::string("\x01\x02\x03", 3);  // chirpstack, ttn: bytes
  std::string url;    // url-md5: what stands before VERSION/NAME; ends in '/'
  std::string topic;  // may have {application}, {tenant}, has {name}; "" that of the template
  std::vector<DayWindow> window;                       // empty: any time
  Duration interval = std::chrono::hours(1);           // before the second wake-up
  Duration longest_interval = std::chrono::hours(24);  // it is doubled up to this
  Duration absent = std::chrono::hours(24);            // see config/ferry.ini
  std::uint64_t per_day = 4;                           // to one device in 24 hours
};

struct Settings {
  GatewaySettings gateway;
  StorageSettings storage;
  std::vector<SourceSettings> sources;
  std::vector<TransportSettings> transports;
  std::vector<ProductSettings> products;
  std::vector<WakeSettings> wakes;
  MonitorSettings monitor;
};

// All that is wrong in a configuration, one line each:
// "ferry.ini:14: [transport.wifi] listen: '80a' is not an address:port"
using Problems = std::vector<std::string>;

struct Loaded {
  std::optional<Settings> settings;  // set exactly when problems is empty
  Problems problems;
};

// Reads `file`, then every *.ini of the folder "conf.d" beside it in the order of their names. A
// key set again in a later file overrides it; twice in one file is a problem.
Loaded load(const std::filesystem::path& file);

}  // namespace ferry::config
