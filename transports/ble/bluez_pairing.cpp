#include "transports/ble/bluez_pairing.hpp"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "transports/ble/bluez_messages.hpp"

namespace ferry::ble {
namespace {

constexpr const char* agent_path = "/ferry/agent";
constexpr const char* agent_interface = "org.bluez.Agent1";
// With this, a device can show a passkey, or be made with one; what cannot be either of both is
// left with "just works", which is found out.
constexpr const char* capability = "KeyboardOnly";
// The device is waited for, then it is paired, then bluetoothd looks at its services.
constexpr std::chrono::seconds pairing_time{60};

int give(sd_bus_message* call, void* pairing, sd_bus_error*) {
  return static_cast<BluezPairing*>(pairing)->give_passkey(call);
}
// Of all other ways to pair none proves that the device is the one that it seems.
int refuse(sd_bus_message* call, void*, sd_bus_error*) {
  return sd_bus_reply_method_errorf(call, "org.bluez.Error.Rejected", "only by passkey");
}

const std::array agent_table = {
    sd_bus_vtable SD_BUS_VTABLE_START(0),
    sd_bus_vtable SD_BUS_METHOD("Release", "", "", bluez::answer_nothing,
                                SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_METHOD("Cancel", "", "", bluez::answer_nothing,
                                SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_METHOD("RequestPasskey", "o", "u", give, SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_METHOD("RequestPinCode", "o", "s", refuse, SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_METHOD("DisplayPinCode", "os", "", refuse, SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_METHOD("DisplayPasskey", "ouq", "", refuse, SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_METHOD("RequestConfirmation", "ou", "", refuse,
                                SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_METHOD("RequestAuthorization", "o", "", refuse,
                                SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_METHOD("AuthorizeService", "os", "", refuse, SD_BUS_VTABLE_UNPRIVILEGED),
    sd_bus_vtable SD_BUS_VTABLE_END};

std::uint32_t number_of(const std::string& digits) {
  std::uint32_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

}  // namespace

BluezPairing::BluezPairing(loop::Loop& loop, SystemBus& bus, const bluez::Objects& objects,
                           const std::string& passkey)
    : loop_(loop), bus_(bus), objects_(objects), passkey_(number_of(passkey)), keys_(loop) {}

bool BluezPairing::show() {
  return bus_.show(agent_path, agent_interface, agent_table.data(), this);
}

void BluezPairing::enroll(const std::string& daemon) {
  daemon_ = daemon;
  trouble_ = "bluetoothd was not asked yet";
  pairing_.clear();
  bus_.call(
      bluez::daemon_name, "/org/bluez", "org.bluez.AgentManager1", "RegisterAgent",
      [](sd_bus_message* call) { sd_bus_message_append(call, "os", agent_path, capability); },
      [this](sd_bus_message*, const SystemBus::Error& error) {
        trouble_ = error.name == "org.bluez.Error.AlreadyExists" ? "" : error.text;
      });
}

bool BluezPairing::is_secured(const std::string& device) const {
  return objects_.is(device, bluez::device_interface, "Paired") &&
         objects_.is(device, bluez::device_interface, "Trusted");
}

void BluezPairing::secure(const std::string& device, Done done) {
  PairingVerdict verdict;
  if (is_secured(device)) {
    verdict.end = PairingEnd::paired;
  } else if (objects_.is(device, bluez::device_interface, "Paired")) {
    remove(device);
    verdict.why = "its bond was not made here by the passkey; removed, to be made anew";
  } else if (!trouble_.empty()) {
    verdict.why = "pairing: " + trouble_;
  } else {
    return pair(device, std::move(done));
  }
  loop_.post([done = std::move(done), verdict] { done(verdict); });
}

void BluezPairing::pair(const std::string& device, Done done) {
  if (pairing_.empty()) keys_.forget();
  pairing_[device] = false;
  bus_.call(
      bluez::daemon_name, device, bluez::device_interface, "Pair", {},
      [this, device, done = std::move(done)](sd_bus_message*, const SystemBus::Error& error) {
        paired(device, error, done);
      },
      pairing_time);
}

void BluezPairing::paired(const std::string& device, const SystemBus::Error& error,
                          const Done& done) {
  const auto known = pairing_.extract(device);
  const auto adapter = bluez::adapter_number(device);
  const auto* text = objects_.find<std::string>(device, bluez::device_interface, "Address");
  const auto address = text == nullptr ? std::nullopt : parse_address(*text);
  PairingFacts facts;
  facts.asked = !known.empty() && known.mapped();
  facts.error = error.text.empty() || !error.name.empty() ? error.name : error.text;
  facts.error_text = error.text;
  if (adapter && address) facts.key = keys_.key(*adapter, *address);
  const PairingVerdict verdict = judge(facts);
  if (verdict.end == PairingEnd::paired) return mark(device, done);
  if (facts.error.empty()) remove(device);
  done(verdict);
}

void BluezPairing::mark(const std::string& device, const Done& done) {
  bus_.call(
      bluez::daemon_name, device, "org.freedesktop.DBus.Properties", "Set",
      [](sd_bus_message* call) {
        sd_bus_message_append(call, "ssv", bluez::device_interface, "Trusted", "b", 1);
      },
      [done](sd_bus_message*, const SystemBus::Error& error) {
        if (error.text.empty()) return done({PairingEnd::paired, ""});
        done({PairingEnd::failed, "marking its bond: " + error.text});
      });
}

void BluezPairing::remove(const std::string& device) {
  bus_.call(
      bluez::daemon_name, device.substr(0, device.rfind('/')), bluez::adapter_interface,
      "RemoveDevice",
      [&](sd_bus_message* call) { sd_bus_message_append(call, "o", device.c_str()); },
      [](sd_bus_message*, const SystemBus::Error&) {});
}

int BluezPairing::give_passkey(sd_bus_message* call) {
  const char* device = nullptr;
  const char* sender = sd_bus_message_get_sender(call);
  const int read = sd_bus_message_read_basic(call, 'o', &device);
  const auto pairing = read < 0 ? pairing_.end() : pairing_.find(device);
  // Once for each pairing: somebody who asks on would be guessing.
  const bool ours = sender != nullptr && sender == daemon_ && pairing != pairing_.end();
  if (!ours || std::exchange(pairing->second, true)) return refuse(call, nullptr, nullptr);
  return sd_bus_reply_method_return(call, "u", passkey_);
}

}  // namespace ferry::ble
