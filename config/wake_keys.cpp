#include <array>

#include "config/key_makers.hpp"
#include "config/policy_values.hpp"
#include "config/values.hpp"
#include "config/wake_values.hpp"

namespace ferry::config {
namespace {

constexpr auto wake = std::to_array<Key<WakeSettings>>({
    required<&WakeSettings::product, values::Name>("product", "The product of these devices."),
    required<&WakeSettings::wake_template, values::Waking>(
        "template",
        "What they are told: chirpstack or ttn (The Things Stack): a LoRaWAN downlink; url-md5: "
        "where their image is."),
    key<&WakeSettings::devices, values::WokenDevices>(
        "devices", "",
        "Who is woken: device = name, several by comma; the name is its devEUI (chirpstack), its "
        "id "
        "at The Things Stack, or what stands in its topic. Empty: all devices that are known here, "
        "whose id is that."),
    required<&WakeSettings::application, values::TopicPart>(
        "application", "The id of their application at the network server.", "chirpstack, ttn"),
    key<&WakeSettings::tenant, values::TopicPart>(
        "tenant", "ttn", "The tenant of the application at The Things Stack.", "ttn"),
    key<&WakeSettings::port, values::DownlinkPort>("port", "2", "The FPort of the downlink.",
                                                   "chirpstack, ttn"),
    key<&WakeSettings::payload, values::DownlinkBytes>(
        "payload", "010203", "The bytes of the downlink, as hex digits.", "chirpstack, ttn"),
    required<&WakeSettings::url, values::SiteUrl>(
        "url",
        "Where these devices reach the product on the transport http; VERSION/NAME is appended. "
        "What they are told has at most 128 bytes.",
        "url-md5"),
    key<&WakeSettings::topic, values::TopicPattern>(
        "topic", "",
        "Where the message goes; {application}, {tenant} and {name} stand for what they say. "
        "Empty: "
        "the network server's topic for downlinks, or {name}/ota."),
    key<&WakeSettings::window, values::Windows>(
        "window", "",
        "When they are woken, in local time: 06:00-22:00, several by comma. Empty: any time."),
    key<&WakeSettings::interval, values::Time>(
        "interval", "1h", "How long a device may take to show itself before it is woken again."),
    key<&WakeSettings::longest_interval, values::Time>(
        "longest_interval", "24h",
        "The interval is doubled each time, up to this. Equal to interval: it stays the same."),
    key<&WakeSettings::absent, values::Time>(
        "absent", "24h",
        "A device that showed itself is not woken; one that then went away without its release is, "
        "when it was not seen for so long."),
    key<&WakeSettings::per_day, values::PerDay>(
        "per_day", "4", "At most so many wake-ups to one device in 24 hours."),
});

}  // namespace

std::span<const Key<WakeSettings>> wake_keys() {
  return wake;
}

}  // namespace ferry::config
