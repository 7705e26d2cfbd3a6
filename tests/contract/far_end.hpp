// The far end of a serial line: a pty whose slave goes to the plugin, and a thread that is the
// device.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "tests/contract/harness.hpp"

namespace ferry::contract {

inline constexpr const char* line_name = "/dev/serial/by-id/usb-test";

class FarEnd {
 public:
  // `heard` is called on the device's thread with what the plugin wrote.
  using Heard = std::function<void(std::string_view)>;

  explicit FarEnd(Heard heard) : heard_(std::move(heard)) {}
  ~FarEnd() { unplug(); }
  FarEnd(const FarEnd&) = delete;
  FarEnd& operator=(const FarEnd&) = delete;

  // Hands the line to the host, as the agent does, and waits until the plugin has it.
  void plug(AgentEnd& agent, const std::string& name = line_name);
  // The line hangs up.
  void unplug();
  bool is_plugged() const { return master_.get() >= 0; }
  // The device says something. From any thread.
  void say(std::string_view text) const;

 private:
  void listen();

  Heard heard_;
  Descriptor master_;
  std::thread thread_;
  std::atomic<bool> ends_ = false;
};

}  // namespace ferry::contract
