#include <array>

#include "config/key_makers.hpp"
#include "config/policy_values.hpp"
#include "config/radio_values.hpp"
#include "config/values.hpp"

namespace ferry::config {
namespace {

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
    key<&ProductSettings::pairing, values::PairingDemand>(
        "pairing", "none",
        "What a link over Bluetooth LE has to be: paired with the passkey of the transport's "
        "section (passkey), or as it comes (none)."),
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

}  // namespace

std::span<const Key<ProductSettings>> product_keys() {
  return product;
}

}  // namespace ferry::config
