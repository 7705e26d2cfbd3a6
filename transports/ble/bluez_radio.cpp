#include "transports/ble/bluez_radio.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "formats/port_names.hpp"
#include "transports/ble/bluez_messages.hpp"
#include "transports/transport.h"

namespace ferry::ble {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds look_time{1};
constexpr std::chrono::seconds after_refusal{10};
// As kernel_radio.cpp's, and bluetoothd's turn.
constexpr Duration disconnect_time{3000};
const std::string properties_interface = "org.freedesktop.DBus.Properties";
const std::string manager_interface = "org.freedesktop.DBus.ObjectManager";
const std::string bus_name = "org.freedesktop.DBus";
constexpr const char* not_running =
    "bluetoothd does not run; install bluez, or set backend = kernel";

}  // namespace

BluezRadio::BluezRadio(loop::Loop& loop, Duty duty, std::set<AdapterNumber> wanted,
                       const std::string& passkey, RadioEvents& events, Logger log)
    : loop_(loop),
      duty_(std::move(duty)),
      wanted_(std::move(wanted)),
      events_(events),
      log_(std::move(log)),
      bus_(loop, [this](const std::string& why) { lost(why); }),
      service_(bus_, [this](const Address& device, std::size_t mtu,
                            Bytes piece) { return events_.written(device, mtu, piece); }),
      timer_(loop, [this] { on_time(); }),
      pairing_(passkey.empty() ? nullptr
                               : std::make_unique<BluezPairing>(loop, bus_, objects_, passkey)) {}

std::string_view BluezRadio::port() const {
  return formats::system_bus;
}

bool BluezRadio::open(int descriptor) {
  if (!bus_.open(descriptor)) return false;
  const bool serves = std::holds_alternative<Uuid>(duty_);
  if ((serves && !service_.show()) || (pairing_ && !pairing_->show())) {
    bus_.close();
    return false;
  }
  trouble_ = not_running;
  watch();
  ask_everything();
  timer_.set(steady_clock::now() + look_time);
  return true;
}

bool BluezRadio::open_more(std::string_view name, int descriptor) {
  if (name != formats::bluetooth_management || !pairing_ || pairing_->watches_keys()) return false;
  if (!pairing_->watch_keys(descriptor)) log_(FERRY_ERROR, "no room to watch " + std::string(name));
  return true;
}

void BluezRadio::close() {
  if (pairing_) pairing_->close();
  bus_.close();
}

void BluezRadio::watch() {
  const std::string from = "type='signal',sender='org.bluez',";
  bus_.match(from + "interface='" + manager_interface + "',member='InterfacesAdded'",
             [this](sd_bus_message* signal) {
               const char* path = nullptr;
               if (sd_bus_message_read_basic(signal, 'o', &path) < 0) return;
               bluez::read_interfaces(
                   signal, [&](const std::string& interface, bluez::Properties properties) {
                     put(path, interface, std::move(properties));
                   });
             });
  bus_.match(from + "interface='" + manager_interface + "',member='InterfacesRemoved'",
             [this](sd_bus_message* signal) {
               const char* path = nullptr;
               std::vector<std::string> interfaces;
               if (sd_bus_message_read_basic(signal, 'o', &path) < 0) return;
               bluez::read_strings(signal, interfaces);
               for (const std::string& interface : interfaces) gone(path, interface);
             });
  bus_.match(from + "interface='" + properties_interface + "',member='PropertiesChanged'",
             [this](sd_bus_message* signal) {
               const char* interface = nullptr;
               bluez::Properties properties;
               if (sd_bus_message_read_basic(signal, 's', &interface) < 0 ||
                   !bluez::read_properties(signal, properties)) {
                 return;
               }
               put(sd_bus_message_get_path(signal), interface, std::move(properties));
             });
  bus_.match("type='signal',sender='" + bus_name + "',member='NameOwnerChanged',arg0='org.bluez'",
             [this](sd_bus_message* signal) {
               const char* name = nullptr;
               const char* before = nullptr;
               const char* owner = nullptr;
               if (sd_bus_message_read(signal, "sss", &name, &before, &owner) >= 0) {
                 owner_changed(owner);
               }
             });
}

void BluezRadio::ask_everything() {
  bus_.call(bluez::daemon_name, "/", manager_interface, "GetManagedObjects", {},
            [this](sd_bus_message* answer, const SystemBus::Error&) {
              if (answer == nullptr) return;
              trouble_.clear();
              if (pairing_) pairing_->enroll(sd_bus_message_get_sender(answer));
              objects_.clear();
              bluez::read_objects(answer, objects_);
              for (const auto& [number, path] : objects_.adapters()) {
                if (wanted_.empty() || wanted_.contains(number)) attend(number, adapters_[number]);
              }
              events_.adapters_changed();
            });
}

void BluezRadio::owner_changed(const std::string& owner) {
  if (!owner.empty()) return ask_everything();
  objects_.clear();
  adapters_.clear();
  trouble_ = not_running;
  log_(FERRY_WARNING, "bluetoothd is gone");
  for (const auto& weak : std::exchange(links_, {})) {
    if (const auto link = weak.lock()) link->lost("bluetoothd is gone");
  }
  events_.adapters_changed();
}

void BluezRadio::lost(const std::string& why) {
  owner_changed("");
  trouble_ = "the system bus: " + why;
  events_.port_lost();
}

void BluezRadio::put(const std::string& path, const std::string& interface,
                     bluez::Properties properties) {
  const auto number = bluez::adapter_number(path);
  if (!number || (!wanted_.empty() && !wanted_.contains(*number))) return;
  const bool ready = is_ready(*number);
  const bool heard = interface == bluez::device_interface && properties.contains("RSSI");
  objects_.put(path, interface, std::move(properties));
  if (interface == bluez::adapter_interface) {
    Adapter& adapter = adapters_[*number];
    // What bluetoothd ends with the power.
    if (!objects_.is(path, interface, "Powered")) adapter.active = adapter.filtered = false;
    attend(*number, adapter);
    if (is_ready(*number) != ready) events_.adapters_changed();
    return;
  }
  if (interface != bluez::device_interface) return;
  for (const auto& weak : std::list(links_)) {
    const auto link = weak.lock();
    if (link && link->device() == path) link->changed();
  }
  const auto advertisement = heard ? objects_.heard(path) : std::nullopt;
  if (advertisement && is_ready(*number)) events_.found(*number, *advertisement);
}

void BluezRadio::gone(const std::string& path, const std::string& interface) {
  objects_.remove(path, interface);
  const auto number = bluez::adapter_number(path);
  if (!number) return;
  if (interface == bluez::adapter_interface) {
    adapters_.erase(*number);
    log_(FERRY_INFO, fmt::format("hci{}: gone", *number));
    events_.adapters_changed();
  } else if (interface == bluez::device_interface) {
    for (const auto& weak : std::list(links_)) {
      const auto link = weak.lock();
      if (link && link->device() == path) link->changed();
    }
  }
}

std::string BluezRadio::path_of(AdapterNumber number) const {
  return fmt::format("/org/bluez/hci{}", number);
}

bool BluezRadio::is_ready(AdapterNumber number) const {
  return adapters_.contains(number) &&
         objects_.is(path_of(number), bluez::adapter_interface, "Powered");
}

std::vector<AdapterNumber> BluezRadio::adapters() const {
  std::vector<AdapterNumber> ready;
  for (const auto& [number, adapter] : adapters_) {
    if (is_ready(number)) ready.push_back(number);
  }
  return ready;
}

Duration BluezRadio::linger() const {
  return disconnect_time;
}

// Scans as long as it has no link: both share the air.
void BluezRadio::attend(AdapterNumber number, Adapter& adapter) {
  if (steady_clock::now() < adapter.try_at) return;
  if (!is_ready(number)) return power(number, adapter);
  if (std::holds_alternative<Uuid>(duty_)) return serve(number, adapter);
  if (!std::exchange(adapter.filtered, true)) set_filter(number);
  const bool wanted = adapter.links == 0;
  if (adapter.active == wanted) return;
  adapter.active = wanted;
  tell_scan(number, wanted);
}

void BluezRadio::serve(AdapterNumber number, Adapter& adapter) {
  if (std::exchange(adapter.active, true)) return;
  service_.offer(path_of(number), [this, number](const std::string& error) {
    const auto found = adapters_.find(number);
    if (found == adapters_.end()) return;
    if (error.empty()) return log_(FERRY_INFO, fmt::format("hci{}: advertises", number));
    found->second.active = false;
    failed(number, "offering the service", error);
  });
}

void BluezRadio::power(AdapterNumber number, Adapter& adapter) {
  if (std::exchange(adapter.powering, true)) return;
  bus_.call(
      bluez::daemon_name, path_of(number), properties_interface, "Set",
      [](sd_bus_message* call) {
        sd_bus_message_append(call, "ssv", bluez::adapter_interface, "Powered", "b", 1);
      },
      [this, number](sd_bus_message*, const SystemBus::Error& error) {
        const auto found = adapters_.find(number);
        if (found == adapters_.end()) return;
        found->second.powering = false;
        if (!error.text.empty()) failed(number, "switching it on", error.text);
      });
}

void BluezRadio::set_filter(AdapterNumber number) {
  bus_.call(
      bluez::daemon_name, path_of(number), bluez::adapter_interface, "SetDiscoveryFilter",
      [](sd_bus_message* call) {
        sd_bus_message_append(call, "a{sv}", 2, "Transport", "s", "le", "DuplicateData", "b", 1);
      },
      [](sd_bus_message*, const SystemBus::Error&) {});
}

void BluezRadio::tell_scan(AdapterNumber number, bool on) {
  bus_.call(bluez::daemon_name, path_of(number), bluez::adapter_interface,
            on ? "StartDiscovery" : "StopDiscovery", {},
            [this, number, on](sd_bus_message*, const SystemBus::Error& error) {
              const auto found = adapters_.find(number);
              if (error.text.empty() || found == adapters_.end() || !on) return;
              found->second.active = false;
              failed(number, "scanning", error.text);
            });
}

void BluezRadio::failed(AdapterNumber number, const std::string& what, const std::string& error) {
  adapters_[number].try_at = steady_clock::now() + after_refusal;
  log_(FERRY_WARNING, fmt::format("hci{}: {}: {}", number, what, error));
}

std::shared_ptr<RadioLink> BluezRadio::connect(AdapterNumber number, const Address& address,
                                               LinkEvents& events) {
  const std::string device = objects_.device(path_of(number), address);
  const auto* target = std::get_if<GattTarget>(&duty_);
  if (target == nullptr || !is_ready(number) || device.empty()) return nullptr;
  Adapter& adapter = adapters_[number];
  ++adapter.links;
  attend(number, adapter);
  auto link = std::make_shared<BluezLink>(loop_, bus_, objects_, pairing_.get(), *target, device,
                                          events, [this, number] { link_over(number); });
  links_.push_back(link);
  link->start();
  return link;
}

void BluezRadio::link_over(AdapterNumber number) {
  links_.remove_if([](const auto& weak) { return weak.expired(); });
  const auto found = adapters_.find(number);
  if (found == adapters_.end() || found->second.links == 0) return;
  --found->second.links;
  attend(number, found->second);
}

void BluezRadio::on_time() {
  if (!is_open()) return;
  for (auto& [number, adapter] : adapters_) attend(number, adapter);
  timer_.set(steady_clock::now() + look_time);
}

}  // namespace ferry::ble
