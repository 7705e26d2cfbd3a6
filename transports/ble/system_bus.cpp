#include "transports/ble/system_bus.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <utility>

namespace ferry::ble {
namespace {

using std::chrono::steady_clock;

constexpr int most_messages = 64;  // of one turn, then others have theirs

// What a slot of sd-bus calls; goes with the slot.
template <typename Function>
Function* held_by(sd_bus_slot* slot, Function function) {
  auto* held = new Function(std::move(function));
  sd_bus_slot_set_userdata(slot, held);
  sd_bus_slot_set_destroy_callback(slot, [](void* gone) { delete static_cast<Function*>(gone); });
  sd_bus_slot_set_floating(slot, 1);
  return held;
}

int answered(sd_bus_message* message, void* held, sd_bus_error*) {
  auto& reply = *static_cast<SystemBus::Reply*>(held);
  if (sd_bus_message_is_method_error(message, nullptr) == 0) {
    reply(message, {});
    return 0;
  }
  const sd_bus_error* error = sd_bus_message_get_error(message);
  const std::string name = error != nullptr && error->name != nullptr ? error->name : "no answer";
  const bool told = error != nullptr && error->message != nullptr && *error->message != 0;
  reply(nullptr, {name, told ? error->message : name});
  return 0;
}

int signalled(sd_bus_message* message, void* held, sd_bus_error*) {
  (*static_cast<SystemBus::Signal*>(held))(message);
  return 0;
}

}  // namespace

SystemBus::SystemBus(loop::Loop& loop, std::function<void(const std::string&)> lost)
    : loop_(loop),
      watch_(loop, *this),
      timer_(loop, [this] { process(); }),
      lost_(std::move(lost)) {}

SystemBus::~SystemBus() {
  close();
}

bool SystemBus::open(int descriptor) {
  // The watch and the bus each close theirs.
  const int watched = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  const bool begun = watched >= 0 && watch_.open(watched) && sd_bus_new(&bus_) >= 0;
  if (!begun || sd_bus_set_fd(bus_, descriptor, descriptor) < 0) {
    ::close(descriptor);
    close();
    return false;
  }
  if (sd_bus_set_bus_client(bus_, 1) < 0 || sd_bus_start(bus_) < 0) {
    close();
    return false;
  }
  arm();
  return true;
}

void SystemBus::close() {
  timer_.clear();
  watch_.close();
  bus_ = sd_bus_close_unref(bus_);
}

void SystemBus::lose(const std::string& why) {
  close();
  loop_.post([lost = lost_, why] { lost(why); });
}

void SystemBus::process() {
  for (int i = 0; i < most_messages && bus_ != nullptr; ++i) {
    const int done = sd_bus_process(bus_, nullptr);
    if (done < 0) return lose(std::strerror(-done));
    if (done == 0) break;
  }
  arm();
}

void SystemBus::arm() {
  if (bus_ == nullptr) return;
  const int events = sd_bus_get_events(bus_);
  std::uint64_t microseconds = 0;
  if (events < 0 || sd_bus_get_timeout(bus_, &microseconds) < 0) {
    return lose("the connection to the system bus is gone");
  }
  if ((events & POLLIN) != 0) watch_.wait_readable();
  if ((events & POLLOUT) != 0) watch_.wait_writable();
  if (microseconds == UINT64_MAX) return timer_.clear();
  // Of CLOCK_MONOTONIC, as the steady clock.
  timer_.set(steady_clock::time_point(std::chrono::microseconds(microseconds)));
}

void SystemBus::call(const std::string& destination, const std::string& path,
                     const std::string& interface, const std::string& member, const Fill& fill,
                     Reply reply, Duration limit) {
  if (bus_ == nullptr) return;
  sd_bus_message* made = nullptr;
  const int fine = sd_bus_message_new_method_call(bus_, &made, destination.c_str(), path.c_str(),
                                                  interface.c_str(), member.c_str());
  const std::unique_ptr<sd_bus_message, decltype(&sd_bus_message_unref)> message(
      made, &sd_bus_message_unref);
  sd_bus_slot* slot = nullptr;
  if (fine >= 0 && fill) fill(made);
  const auto patience = std::chrono::microseconds(limit).count();
  if (fine < 0 || sd_bus_call_async(bus_, &slot, made, answered, nullptr,
                                    static_cast<std::uint64_t>(patience)) < 0) {
    loop_.post([reply = std::move(reply)] {
      reply(nullptr, {"", "the system bus takes no call"});
    });
    return;
  }
  held_by(slot, std::move(reply));
  sd_bus_slot_unref(slot);
  arm();
}

void SystemBus::match(const std::string& rule, Signal signal) {
  sd_bus_slot* slot = nullptr;
  if (bus_ == nullptr ||
      sd_bus_add_match_async(bus_, &slot, rule.c_str(), signalled, nullptr, nullptr) < 0) {
    return;
  }
  held_by(slot, std::move(signal));
  sd_bus_slot_unref(slot);
  arm();
}

bool SystemBus::show(const char* path, const char* interface, const sd_bus_vtable* table,
                     void* owner) {
  return bus_ != nullptr &&
         sd_bus_add_object_vtable(bus_, nullptr, path, interface, table, owner) >= 0;
}

bool SystemBus::show_below(const char* path) {
  return bus_ != nullptr && sd_bus_add_object_manager(bus_, nullptr, path) >= 0;
}

void SystemBus::signal(const char* path, const char* interface, const char* member,
                       const Fill& fill) {
  sd_bus_message* made = nullptr;
  if (bus_ == nullptr || sd_bus_message_new_signal(bus_, &made, path, interface, member) < 0) {
    return;
  }
  const std::unique_ptr<sd_bus_message, decltype(&sd_bus_message_unref)> message(
      made, &sd_bus_message_unref);
  fill(made);
  sd_bus_send(bus_, made, nullptr);
  arm();
}

}  // namespace ferry::ble
