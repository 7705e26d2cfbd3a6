// D-Bus on the plugin's loop, over a connection to the system's bus that the agent opened: a jailed
// host may connect to nothing. libsystemd's sd-bus, since it takes a connected descriptor.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <string>

#include "base/clock.hpp"
#include "transports/loop/loop.hpp"

namespace ferry::ble {

// On the loop's thread. What is called from here must neither close nor destroy it.
class SystemBus final : private loop::Waiter {
 public:
  using Fill = std::function<void(sd_bus_message* message)>;  // appends the arguments
  // Why there is no answer: what D-Bus calls it ("" the call never went out), and words for people.
  struct Error {
    std::string name;
    std::string text;
  };
  // The answer, or null and what went wrong.
  using Reply = std::function<void(sd_bus_message* answer, const Error& error)>;
  using Signal = std::function<void(sd_bus_message* signal)>;

  // `lost` is called once, from the loop, when the connection is of no use any more.
  SystemBus(loop::Loop& loop, std::function<void(const std::string& why)> lost);
  ~SystemBus();

  // Takes the descriptor over. False, and it is closed: no room, or no bus.
  bool open(int descriptor);
  bool is_open() const { return bus_ != nullptr; }
  void close();

  // Answered once, unless the bus is closed before.
  void call(const std::string& destination, const std::string& path, const std::string& interface,
            const std::string& member, const Fill& fill, Reply reply,
            Duration limit = std::chrono::seconds(30));
  // From now on until it is closed.
  void match(const std::string& rule, Signal signal);
  // An object for others, until it is closed; sd-bus calls what `table` names with `owner`. False:
  // the bus does not take it.
  bool show(const char* path, const char* interface, const sd_bus_vtable* table, void* owner);
  // Whoever asks is told of all objects below a path (ObjectManager).
  bool show_below(const char* path);
  void signal(const char* path, const char* interface, const char* member, const Fill& fill);

 private:
  void readable() override { process(); }
  void writable() override { process(); }
  void released() override {}
  void process();
  void arm();
  void lose(const std::string& why);

  loop::Loop& loop_;
  loop::Watch watch_;
  loop::Timer timer_;
  std::function<void(const std::string&)> lost_;
  sd_bus* bus_ = nullptr;
};

}  // namespace ferry::ble
