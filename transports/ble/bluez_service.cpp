#include "transports/ble/bluez_service.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "transports/ble/bluez_messages.hpp"
#include "transports/ble/gatt_server.hpp"
#include "transports/ble/numbers.hpp"

namespace ferry::ble {
namespace {

constexpr const char* root = "/ferry";
constexpr const char* service_path = "/ferry/service";
constexpr const char* packets_path = "/ferry/service/packets";
constexpr const char* channel_path = "/ferry/service/channel";
constexpr const char* advertisement_path = "/ferry/advertisement";
constexpr const char* advertisement_interface = "org.bluez.LEAdvertisement1";

int get_uuid(sd_bus*, const char* path, const char*, const char*, sd_bus_message* reply, void*,
             sd_bus_error*) {
  const std::string_view asked = path;
  const Uuid uuid = asked == packets_path   ? ferry_packets()
                    : asked == channel_path ? ferry_channel()
                                            : ferry_service();
  return sd_bus_message_append(reply, "s", to_string(uuid).c_str());
}
int get_yes(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*,
            sd_bus_error*) {
  return sd_bus_message_append(reply, "b", 1);
}
int get_service(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*,
                sd_bus_error*) {
  return sd_bus_message_append(reply, "o", service_path);
}
int get_flags(sd_bus*, const char* path, const char*, const char*, sd_bus_message* reply, void*,
              sd_bus_error*) {
  if (std::string_view(path) == channel_path) return sd_bus_message_append(reply, "as", 1, "read");
  return sd_bus_message_append(reply, "as", 2, "write-without-response", "notify");
}
int get_kind(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*,
             sd_bus_error*) {
  return sd_bus_message_append(reply, "s", "peripheral");
}
int get_services(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*,
                 sd_bus_error*) {
  return sd_bus_message_append(reply, "as", 1, to_string(ferry_service()).c_str());
}

int write_packets(sd_bus_message* call, void* service, sd_bus_error*) {
  return static_cast<BluezService*>(service)->write(call);
}
int read_psm(sd_bus_message* call, void* service, sd_bus_error*) {
  return static_cast<BluezService*>(service)->read_channel(call);
}

const std::array service_table = {
    sd_bus_vtable SD_BUS_VTABLE_START(0),
    sd_bus_vtable SD_BUS_PROPERTY("UUID", "s", get_uuid, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    sd_bus_vtable SD_BUS_PROPERTY("Primary", "b", get_yes, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    sd_bus_vtable SD_BUS_VTABLE_END};
const std::array packets_table = {
    sd_bus_vtable SD_BUS_VTABLE_START(0),
    sd_bus_vtable SD_BUS_PROPERTY("UUID", "s", get_uuid, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    sd_bus_vtable SD_BUS_PROPERTY("Service", "o", get_service, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    sd_bus_vtable SD_BUS_PROPERTY("Flags", "as", get_flags, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    sd_bus_vtable SD_BUS_METHOD("WriteValue", "aya{sv}", "", write_packets,
                                SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_METHOD("StartNotify", "", "", bluez::answer_nothing,
                                SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_METHOD("StopNotify", "", "", bluez::answer_nothing,
                                SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_VTABLE_END};
const std::array channel_table = {
    sd_bus_vtable SD_BUS_VTABLE_START(0),
    sd_bus_vtable SD_BUS_PROPERTY("UUID", "s", get_uuid, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    sd_bus_vtable SD_BUS_PROPERTY("Service", "o", get_service, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    sd_bus_vtable SD_BUS_PROPERTY("Flags", "as", get_flags, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    sd_bus_vtable SD_BUS_METHOD("ReadValue", "a{sv}", "ay", read_psm, SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_VTABLE_END};
const std::array advertisement_table = {
    sd_bus_vtable SD_BUS_VTABLE_START(0),
    sd_bus_vtable SD_BUS_PROPERTY("Type", "s", get_kind, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    sd_bus_vtable SD_BUS_PROPERTY("ServiceUUIDs", "as", get_services, 0,
                                  SD_BUS_VTABLE_PROPERTY_CONST),
    sd_bus_vtable SD_BUS_METHOD("Release", "", "", bluez::answer_nothing,
                                SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_VTABLE_END};

}  // namespace

BluezService::BluezService(SystemBus& bus, Written written)
    : bus_(bus), written_(std::move(written)) {}

bool BluezService::show() {
  return bus_.show_below(root) &&
         bus_.show(service_path, bluez::service_interface, service_table.data(), this) &&
         bus_.show(packets_path, bluez::characteristic_interface, packets_table.data(), this) &&
         bus_.show(channel_path, bluez::characteristic_interface, channel_table.data(), this) &&
         bus_.show(advertisement_path, advertisement_interface, advertisement_table.data(), this);
}

void BluezService::offer(const std::string& adapter, Done done) {
  bus_.call(
      bluez::daemon_name, adapter, "org.bluez.GattManager1", "RegisterApplication",
      [](sd_bus_message* call) { sd_bus_message_append(call, "oa{sv}", root, 0); },
      [this, adapter, done = std::move(done)](sd_bus_message*, const SystemBus::Error& error) {
        if (!error.text.empty()) return done(error.text);
        advertise(adapter, done);
      });
}

void BluezService::advertise(const std::string& adapter, Done done) {
  bus_.call(
      bluez::daemon_name, adapter, "org.bluez.LEAdvertisingManager1", "RegisterAdvertisement",
      [](sd_bus_message* call) { sd_bus_message_append(call, "oa{sv}", advertisement_path, 0); },
      [done = std::move(done)](sd_bus_message*, const SystemBus::Error& error) {
        done(error.text);
      });
}

int BluezService::write(sd_bus_message* call) {
  const void* data = nullptr;
  std::size_t size = 0;
  bluez::Properties options;
  if (sd_bus_message_read_array(call, 'y', &data, &size) < 0 ||
      !bluez::read_properties(call, options)) {
    return -EINVAL;
  }
  const auto* device = std::get_if<std::string>(&options["device"]);
  const auto* mtu = std::get_if<std::int64_t>(&options["mtu"]);
  const auto address = device == nullptr ? std::nullopt : bluez::device_address(*device);
  if (!address) return -EINVAL;
  const Bytes piece(static_cast<const std::byte*>(data), size);
  const auto sized = static_cast<std::size_t>(mtu == nullptr ? att::least_mtu : *mtu);
  if (!written_(*address, sized, piece)) {
    return sd_bus_reply_method_errorf(call, "org.bluez.Error.InProgress", "another device is here");
  }
  return sd_bus_reply_method_return(call, "");
}

int BluezService::read_channel(sd_bus_message* call) const {
  sd_bus_message* made = nullptr;
  if (const int fine = sd_bus_message_new_method_return(call, &made); fine < 0) return fine;
  const std::unique_ptr<sd_bus_message, decltype(&sd_bus_message_unref)> reply(
      made, &sd_bus_message_unref);
  std::string number;
  put_number(number, psm_);
  const int fine = sd_bus_message_append_array(made, 'y', number.data(), number.size());
  return fine < 0 ? fine : sd_bus_send(nullptr, made, nullptr);
}

void BluezService::notify(std::string_view piece) {
  bus_.signal(packets_path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
              [piece](sd_bus_message* signal) {
                sd_bus_message_append(signal, "s", bluez::characteristic_interface);
                sd_bus_message_open_container(signal, 'a', "{sv}");
                sd_bus_message_open_container(signal, 'e', "sv");
                sd_bus_message_append(signal, "s", "Value");
                sd_bus_message_open_container(signal, 'v', "ay");
                sd_bus_message_append_array(signal, 'y', piece.data(), piece.size());
                for (int i = 0; i < 3; ++i) sd_bus_message_close_container(signal);
                sd_bus_message_append(signal, "as", 0);
              });
}

}  // namespace ferry::ble
