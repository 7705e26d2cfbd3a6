// The terminal side of a serial line: how it is set, and what it still holds. Thin over ioctl(2).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/result.hpp"

namespace ferry::serial {

enum class Parity { none, even, odd };
enum class FlowControl { none, rtscts, xonxoff };

struct LineSettings {
  std::uint32_t baud = 115200;  // any rate; the driver takes the nearest that it has
  Parity parity = Parity::none;
  int stop_bits = 1;
  FlowControl flow_control = FlowControl::none;
  bool rs485 = false;

  // How long a byte takes: start bit, eight bits, parity, stop bits.
  std::chrono::nanoseconds byte_time() const;
};

// Sets a line raw: eight bits, nothing interpreted, no echo, modem lines ignored, DTR kept when it
// is closed. Throws away what it held. ErrorCode::io, or invalid when the line cannot do what is
// asked; the message says which setting.
Status configure(int descriptor, const LineSettings& settings);

// Bytes that were written and have not left yet, as far as the driver tells; 0 when it does not.
std::size_t unsent(int descriptor);

// Throws away what was written and has not left.
void discard_output(int descriptor);

}  // namespace ferry::serial
