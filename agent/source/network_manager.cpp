#include "agent/source/network_manager.hpp"

#include <systemd/sd-bus.h>

#include <cstdint>
#include <memory>

namespace ferry::source {
namespace {

constexpr const char* service = "org.freedesktop.NetworkManager";
constexpr std::uint64_t longest_wait = 2'000'000;  // microseconds

// NMMetered of its API.
enum class Metered : std::uint32_t { unknown, yes, no, guess_yes, guess_no };

struct CloseBus {
  void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
};
struct FreeMessage {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Bus = std::unique_ptr<sd_bus, CloseBus>;
using Message = std::unique_ptr<sd_bus_message, FreeMessage>;

Bus open_bus() {
  sd_bus* opened = nullptr;
  if (sd_bus_open_system(&opened) < 0) return nullptr;
  Bus bus(opened);
  if (sd_bus_set_method_call_timeout(bus.get(), longest_wait) < 0) return nullptr;
  return bus;
}

Message question(sd_bus& bus) {
  sd_bus_message* made = nullptr;
  const int done =
      sd_bus_message_new_method_call(&bus, &made, service, "/org/freedesktop/NetworkManager",
                                     "org.freedesktop.DBus.Properties", "Get");
  Message message(made);
  // Who does not run it need not have it started for this.
  if (done < 0 || sd_bus_message_set_auto_start(made, 0) < 0 ||
      sd_bus_message_append(made, "ss", service, "Metered") < 0) {
    return nullptr;
  }
  return message;
}

}  // namespace

std::optional<bool> network_manager_says_metered() {
  const Bus bus = open_bus();
  if (!bus) return std::nullopt;
  const Message asked = question(*bus);
  if (!asked) return std::nullopt;
  sd_bus_message* answered = nullptr;
  if (sd_bus_call(bus.get(), asked.get(), 0, nullptr, &answered) < 0) return std::nullopt;
  const Message answer(answered);
  std::uint32_t value = 0;
  if (sd_bus_message_read(answer.get(), "v", "u", &value) < 0) return std::nullopt;
  switch (static_cast<Metered>(value)) {
    case Metered::yes:
    case Metered::guess_yes:
      return true;
    case Metered::no:
    case Metered::guess_no:
      return false;
    case Metered::unknown:
      break;
  }
  return std::nullopt;
}

}  // namespace ferry::source
