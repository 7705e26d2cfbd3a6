// How a line is set, over real terminals. No terminal here knows RS-485, so what the kernel is
// asked of it is caught on its way there.
#include "transports/serial/tty.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/serial.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <optional>

#include "base/file.hpp"

namespace {

// What a driver that drives a transceiver would have been told, and its answer.
struct Transceiver {
  int answer = 0;  // errno
  std::optional<serial_rs485> asked;
};
Transceiver* transceiver = nullptr;

}  // namespace

extern "C" int ioctl(int descriptor, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (request == TIOCSRS485 && transceiver != nullptr) {
    transceiver->asked = *static_cast<serial_rs485*>(argument);
    errno = transceiver->answer;
    return transceiver->answer == 0 ? 0 : -1;
  }
  return static_cast<int>(::syscall(SYS_ioctl, descriptor, request, argument));
}

namespace ferry::serial {
namespace {

class TtyTest : public testing::Test {
 protected:
  void SetUp() override {
    int device = -1;
    int line = -1;
    ASSERT_EQ(::openpty(&device, &line, nullptr, nullptr, nullptr), 0);
    far_ = Descriptor(device);
    near_ = Descriptor(line);
    transceiver = &transceiver_;
  }
  void TearDown() override { transceiver = nullptr; }

  Descriptor far_, near_;
  Transceiver transceiver_;
};

TEST_F(TtyTest, AnRs485LineHasItsDriverTurnTheTransceiver) {
  LineSettings settings;
  settings.rs485 = true;
  const Status done = configure(near_.get(), settings);
  ASSERT_TRUE(done) << done.error().message;
  ASSERT_TRUE(transceiver_.asked);
  EXPECT_EQ(transceiver_.asked->flags, SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND);
}

TEST_F(TtyTest, ADriverThatCannotIsNamedAndTheLineNotUsed) {
  transceiver_.answer = ENOTTY;
  LineSettings settings;
  settings.rs485 = true;
  const Status done = configure(near_.get(), settings);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("say rs485 = no"), std::string::npos) << done.error().message;
}

TEST_F(TtyTest, APlainLineIsNotAskedForIt) {
  const Status done = configure(near_.get(), {});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_FALSE(transceiver_.asked);
}

}  // namespace
}  // namespace ferry::serial
