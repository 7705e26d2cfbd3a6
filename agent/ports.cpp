#include "agent/ports.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.hpp"
#include "formats/port_names.hpp"

namespace ferry::agent {
namespace {

constexpr std::size_t most_ports = 64;  // of one transport

// As in the kernel's net/bluetooth/bluetooth.h and hci_sock.h, which user space gets from BlueZ.
struct HciAddress {
  sa_family_t family;
  std::uint16_t adapter;
  std::uint16_t channel;
};
constexpr int hci_protocol = 1;
constexpr std::uint16_t no_adapter = 0xFFFF;
constexpr std::uint16_t control_channel = 3;

std::vector<std::string> matches(const std::vector<std::string>& patterns) {
  std::vector<std::string> names;
  for (const std::string& pattern : patterns) {
    if (pattern == formats::bluetooth_management || pattern == formats::system_bus) {
      names.push_back(pattern);
      continue;
    }
    glob_t found{};
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
      for (std::size_t i = 0; i < found.gl_pathc && names.size() < most_ports; ++i) {
        names.emplace_back(found.gl_pathv[i]);
      }
    }
    ::globfree(&found);
  }
  return names;
}

}  // namespace

Result<Descriptor> open_port(const std::string& file) {
  Descriptor line(::open(file.c_str(), O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!line && errno == EBUSY) {
    return fail(ErrorCode::exists, file + ": another program has it open for itself alone");
  }
  if (!line && errno == EACCES) {
    return fail(
        ErrorCode::denied,
        file + ": permission denied; may the user ferry read and write it (group dialout)?");
  }
  if (!line) return fail_errno(errno, file);
  if (::isatty(line.get()) != 1) {
    return fail(ErrorCode::invalid, file + ": is no serial line");
  }
  // Root opens what others have made their own by TIOCEXCL; the lock holds for all who ask.
  if (::flock(line.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::exists, file + ": another program has locked it");
  }
  if (::ioctl(line.get(), TIOCEXCL) != 0) return fail_errno(errno, file);
  return line;
}

Result<Descriptor> open_bluetooth_management() {
  Descriptor socket(::socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, hci_protocol));
  if (!socket && errno == EAFNOSUPPORT) {
    return fail(ErrorCode::io, "this kernel has no Bluetooth");
  }
  if (!socket) return fail_errno(errno, "the socket for Bluetooth");
  // What it may do is decided by this process's capabilities, here and for good.
  const HciAddress address{AF_BLUETOOTH, no_adapter, control_channel};
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno(errno, "Bluetooth's control channel");
  }
  return socket;
}

Result<Descriptor> open_system_bus() {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno(errno, "socket");
  sockaddr_un address{AF_UNIX, "/run/dbus/system_bus_socket"};
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno(errno, address.sun_path);
  }
  return socket;
}

namespace {

Result<Descriptor> open_named(const std::string& name) {
  if (name == formats::bluetooth_management) return open_bluetooth_management();
  if (name == formats::system_bus) return open_system_bus();
  return open_port(name);
}

}  // namespace

std::string ports_of(std::string_view plugin, const std::map<std::string, std::string>& settings) {
  if (plugin == "ble") {
    const auto backend = settings.find("backend");
    const bool by_bus = backend != settings.end() && backend->second == "bluez";
    std::string ports(by_bus ? formats::system_bus : formats::bluetooth_management);
    // Of what bluetoothd pairs, only the kernel tells what the key is worth.
    if (by_bus && settings.contains("passkey")) {
      ports.append(" ").append(formats::bluetooth_management);
    }
    return ports;
  }
  const auto found = settings.find("port");
  return found == settings.end() ? std::string() : found->second;
}

Ports::Ports(std::string_view patterns, std::string component) : component_(std::move(component)) {
  constexpr std::string_view separators = " \t,";
  while (true) {
    const std::size_t begin = patterns.find_first_not_of(separators);
    if (begin == patterns.npos) return;
    patterns.remove_prefix(begin);
    const std::size_t end = std::min(patterns.find_first_of(separators), patterns.size());
    patterns_.emplace_back(patterns.substr(0, end));
    patterns.remove_prefix(end);
  }
}

std::vector<OpenPort> Ports::open_new() {
  std::vector<OpenPort> opened;
  for (const std::string& name : matches(patterns_)) {
    if (out_.contains(name)) continue;
    Result<Descriptor> line = open_named(name);
    if (line) {
      trouble_.erase(name);
      out_.insert(name);
      opened.push_back({name, std::move(*line)});
      continue;
    }
    std::string& said = trouble_[name];
    if (said == line.error().message) continue;
    said = line.error().message;
    log::warning(component_, "{}", said);
  }
  return opened;
}

}  // namespace ferry::agent
