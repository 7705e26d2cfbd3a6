#include "transports/serial/tty.hpp"

#include <asm/termbits.h>
#include <fmt/format.h>
#include <linux/serial.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace ferry::serial {
namespace {

void set_modes(termios2& modes, const LineSettings& settings) {
  modes.c_iflag = IGNBRK;
  modes.c_oflag = 0;
  modes.c_lflag = 0;
  // Without HUPCL: a device that takes DTR for its reset is not reset by the end of this process.
  modes.c_cflag = CS8 | CREAD | CLOCAL | BOTHER | (BOTHER << IBSHIFT);
  if (settings.parity != Parity::none) modes.c_cflag |= PARENB;
  if (settings.parity == Parity::odd) modes.c_cflag |= PARODD;
  if (settings.stop_bits == 2) modes.c_cflag |= CSTOPB;
  if (settings.flow_control == FlowControl::rtscts) modes.c_cflag |= CRTSCTS;
  if (settings.flow_control == FlowControl::xonxoff) modes.c_iflag |= IXON | IXOFF;
  modes.c_ispeed = modes.c_ospeed = settings.baud;
  modes.c_cc[VMIN] = 1;
  modes.c_cc[VTIME] = 0;
  modes.c_cc[VSTART] = 0x11;
  modes.c_cc[VSTOP] = 0x13;
}

Status drive_transceiver(int descriptor) {
  serial_rs485 direction{};
  direction.flags = SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND;
  if (::ioctl(descriptor, TIOCSRS485, &direction) == 0) return {};
  if (errno != ENOTTY && errno != EINVAL && errno != ENOSYS) return fail_errno(errno, "rs485");
  return fail(ErrorCode::invalid,
              "rs485 = yes: the driver of this line cannot drive a transceiver; is it switched in "
              "hardware? Then say rs485 = no");
}

}  // namespace

std::chrono::nanoseconds LineSettings::byte_time() const {
  const int bits = 1 + 8 + (parity == Parity::none ? 0 : 1) + stop_bits;
  return std::chrono::nanoseconds(bits * 1'000'000'000LL / baud);
}

Status configure(int descriptor, const LineSettings& settings) {
  termios2 modes{};
  if (::ioctl(descriptor, TCGETS2, &modes) != 0) return fail_errno(errno, "reading its modes");
  set_modes(modes, settings);
  if (::ioctl(descriptor, TCSETS2, &modes) != 0) {
    return fail_errno(errno, fmt::format("setting {} baud and its modes", settings.baud));
  }
  if (settings.rs485) {
    if (Status driven = drive_transceiver(descriptor); !driven) return driven;
  }
  ::ioctl(descriptor, TCFLSH, TCIOFLUSH);
  return {};
}

std::size_t unsent(int descriptor) {
  int bytes = 0;
  if (::ioctl(descriptor, TIOCOUTQ, &bytes) != 0 || bytes < 0) return 0;
  return static_cast<std::size_t>(bytes);
}

void discard_output(int descriptor) {
  ::ioctl(descriptor, TCFLSH, TCOFLUSH);
}

}  // namespace ferry::serial
