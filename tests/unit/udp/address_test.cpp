#include "transports/udp/address.hpp"

#include <gtest/gtest.h>

namespace ferry::udp {
namespace {

std::string text_of(std::string_view text) {
  const auto address = Address::parse(text, 1337);
  return address ? address->text() : "none";
}

TEST(UdpAddress, TakesNumbersWithAndWithoutAPort) {
  EXPECT_EQ(text_of("192.168.4.2"), "192.168.4.2:1337");
  EXPECT_EQ(text_of("192.168.4.2:99"), "192.168.4.2:99");
  EXPECT_EQ(text_of("fd00::2"), "[fd00::2]:1337");
  EXPECT_EQ(text_of("[fd00::2]"), "[fd00::2]:1337");
  EXPECT_EQ(text_of("[fe80::2%3]:7"), "[fe80::2]:7");
}

TEST(UdpAddress, RefusesWhatIsNone) {
  for (const char* text : {"", "meter", "192.168.4", "192.168.4.2:", "192.168.4.2:70000",
                           "192.168.4.2:x", "[fd00::2", "[fd00::2]7", "[192.168.4.2]:7", ":7"}) {
    EXPECT_EQ(text_of(text), "none") << text;
  }
}

TEST(UdpAddress, GoesToTheKernelAndBack) {
  for (const char* text : {"10.0.0.1:5", "[fd00::2]:1337"}) {
    const auto address = Address::parse(text, 1).value();
    sockaddr_storage raw{};
    ASSERT_NE(address.write(AF_INET6, raw), 0U);
    EXPECT_EQ(Address::from(raw), address);  // mapped ones are IPv4 again
  }
  sockaddr_storage raw{};
  EXPECT_EQ(Address::parse("fd00::2", 1)->write(AF_INET, raw), 0U);
}

}  // namespace
}  // namespace ferry::udp
