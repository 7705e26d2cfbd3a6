// Debian's mosquitto, as a process of this test.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "tests/contract/harness.hpp"

namespace ferry::contract {

inline constexpr const char* mosquitto_program = "/usr/sbin/mosquitto";

// Listens on 127.0.0.1, lets everybody in, and keeps nothing; gone with the object.
class Mosquitto {
 public:
  Mosquitto();
  ~Mosquitto();
  Mosquitto(const Mosquitto&) = delete;
  Mosquitto& operator=(const Mosquitto&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  pid_t process_ = 0;
};

}  // namespace ferry::contract
