// What is heard before anybody connects: advertisements, filters, the kernel's management packets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transports/ble/management.hpp"

namespace ferry::ble {
namespace {

using testing::ElementsAre;

Advertisement read(const std::string& data) {
  Advertisement seen;
  read_advertising_data(as_bytes(data), seen);
  return seen;
}

std::string words(std::initializer_list<unsigned> values) {
  std::string out;
  for (const unsigned value : values) {
    out += static_cast<char>(value & 0xFFU);
    out += static_cast<char>(value >> 8U);
  }
  return out;
}

TEST(Advertising, TellsNameServicesAndMakersData) {
  const Uuid smp = *parse_uuid("8d53dc1d-1db7-4cd3-868b-8a527460aa84");
  const std::string uuid(reinterpret_cast<const char*>(smp.bytes.data()), smp.bytes.size());
  const Advertisement seen = read(std::string("\x02\x01\x06\x11\x07") + uuid +
                                  "\x05\x09"
                                  "lamp"
                                  "\x05\x03\x0f\x18\x0a\x18" +
                                  std::string("\x06\xff\x59\x00\x01\x02\x03", 7));
  EXPECT_THAT(seen.services, ElementsAre(smp, uuid_of(0x180F), uuid_of(0x180A)));
  EXPECT_EQ(seen.name, "lamp");
  EXPECT_EQ(seen.company, 0x0059);
  EXPECT_EQ(seen.manufacturer_data, "\x01\x02\x03");
}

TEST(Advertising, TheWholeNameWinsOverTheShortOne) {
  EXPECT_EQ(read("\x03\x09"
                 "ab"
                 "\x02\x08"
                 "a")
                .name,
            "ab");
  EXPECT_EQ(read("\x02\x08"
                 "a"
                 "\x03\x09"
                 "ab")
                .name,
            "ab");
}

TEST(Advertising, WhatIsCutShortIsLeftOut) {
  EXPECT_EQ(read("\x05\x09"
                 "lam")
                .name,
            "");
  EXPECT_EQ(read(std::string("\x00\x02\x09"
                             "a",
                             4))
                .name,
            "");
  EXPECT_FALSE(read("\x02\xff\x59").company);
  EXPECT_TRUE(read("\x02\x03\x0f").services.empty());
  EXPECT_EQ(read("\x01").name, "");
}

TEST(Filters, EachThatIsSetMustFit) {
  Advertisement seen;
  seen.address = *parse_address("00:aa:01:00:00:42");
  seen.name = "lamp-7";
  seen.signal = -60;
  seen.services = {uuid_of(0x180F)};
  seen.company = 0x59;
  seen.manufacturer_data = "abc";
  EXPECT_TRUE(fits({}, seen));
  const auto with = [&](auto change) {
    Filter filter;
    change(filter);
    return fits(filter, seen);
  };
  EXPECT_TRUE(with([](Filter& f) { f.services = {uuid_of(1), uuid_of(0x180F)}; }));
  EXPECT_FALSE(with([](Filter& f) { f.services = {uuid_of(1)}; }));
  EXPECT_TRUE(with([](Filter& f) { f.name = "lamp-*"; }));
  EXPECT_FALSE(with([](Filter& f) { f.name = "lamp"; }));
  EXPECT_TRUE(with([](Filter& f) { f.company = 0x59, f.manufacturer_data = "ab"; }));
  EXPECT_FALSE(with([](Filter& f) { f.manufacturer_data = "b"; }));
  EXPECT_FALSE(with([](Filter& f) { f.company = 0x5A; }));
  EXPECT_TRUE(with([](Filter& f) { f.addresses = {parse_address("00:AA:01:00:00:42")->bytes}; }));
  EXPECT_FALSE(with([](Filter& f) { f.addresses = {parse_address("00:AA:01:00:00:43")->bytes}; }));
  EXPECT_TRUE(with([](Filter& f) { f.least_signal = -60; }));
  EXPECT_FALSE(with([](Filter& f) { f.least_signal = -59; }));
  seen.connectable = false;
  EXPECT_FALSE(fits({}, seen));
}

TEST(Filters, PatternsWithStars) {
  EXPECT_TRUE(fits_pattern("a*c*", "abbcb"));
  EXPECT_TRUE(fits_pattern("*", ""));
  EXPECT_TRUE(fits_pattern("*a", "aaa"));
  EXPECT_FALSE(fits_pattern("a*c", "abd"));
  EXPECT_FALSE(fits_pattern("", "a"));
  // No pattern takes long.
  std::string stars;
  for (int i = 0; i < 100; ++i) stars += "*a";
  EXPECT_FALSE(fits_pattern(stars + "b", std::string(2000, 'a')));
}

TEST(Addresses, AreReadAndShown) {
  EXPECT_EQ(to_string(*parse_address("00:aa:01:00:00:4f")), "00:AA:01:00:00:4F");
  for (const char* wrong : {"", "00:aa:01:00:00:4", "00:aa:01:00:00:4g", "00-aa:01:00:00:42"}) {
    EXPECT_FALSE(parse_address(wrong)) << wrong;
  }
}

TEST(Management, TellsAdaptersAndTheirState) {
  EXPECT_EQ(mgmt::ask_adapters(), words({3, 0xFFFF, 0}));
  const auto list = mgmt::parse(as_bytes(words({1, 0xFFFF, 9, 3}) + '\0' + words({2, 0, 1})));
  ASSERT_TRUE(list);
  const auto& done = std::get<mgmt::Done>(list->what);
  EXPECT_THAT(done.adapters, ElementsAre(0, 1));
  // Read Controller Information of hci1: address, version, maker, supported, present settings.
  const auto info = mgmt::parse(
      as_bytes(words({1, 1, 3 + 17 + 260, 4}) + '\0' + std::string("\x01\x00\x01\x01\xaa\x00", 6) +
               '\x09' + words({0x5F1, 0xFFFF, 0, 0x0201, 0}) + std::string(260, '\0')));
  ASSERT_TRUE(info);
  const auto& told = std::get<mgmt::Done>(info->what);
  EXPECT_EQ(info->adapter, 1);
  EXPECT_EQ(to_string(*told.address), "00:AA:01:01:00:01");
  EXPECT_EQ(told.settings, mgmt::setting::powered | mgmt::setting::low_energy);
}

TEST(Management, TellsWhatWasFound) {
  const std::string data =
      "\x05\x09"
      "lamp";
  const std::string body = std::string("\x42\x00\x00\x01\xaa\x00\x02\xc4", 8) +
                           words({4, 0, static_cast<unsigned>(data.size())}) + data;
  const std::string packet = words({0x12, 0, static_cast<unsigned>(body.size())}) + body;
  const auto event = mgmt::parse(as_bytes(packet));
  ASSERT_TRUE(event);
  const Advertisement& seen = std::get<mgmt::Found>(event->what).advertisement;
  EXPECT_EQ(seen.name, "lamp");
  EXPECT_EQ(seen.signal, -60);
  EXPECT_FALSE(seen.connectable);
  EXPECT_EQ(seen.address.kind, AddressKind::random_address);
  for (std::size_t size = 0; size < packet.size(); ++size) {
    EXPECT_FALSE(mgmt::parse(as_bytes(packet.substr(0, size)))) << size;
  }
}

TEST(Management, TellsWhatAPairingLeft) {
  // Worth keeping; the device, random; authenticated, by P-256; the rest is the key itself.
  const std::string body =
      std::string("\x01\x42\x00\x00\x01\xaa\x00\x02\x03", 9) + std::string(28, '\x55');
  const std::string packet = words({0x0A, 1, static_cast<unsigned>(body.size())}) + body;
  const auto event = mgmt::parse(as_bytes(packet));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->adapter, 1);
  const auto& made = std::get<mgmt::NewKey>(event->what);
  EXPECT_EQ(to_string(made.device), "00:AA:01:00:00:42");
  EXPECT_EQ(made.device.kind, AddressKind::random_address);
  EXPECT_EQ(made.kind, KeyKind::authenticated_p256);
  EXPECT_FALSE(mgmt::parse(as_bytes(words({0x0A, 1, 8}) + body.substr(0, 8))));
}

TEST(Management, SettingsThatAnybodyChangedAreTold) {
  const auto changed = mgmt::parse(as_bytes(words({6, 1, 4, 0x0201, 0})));
  EXPECT_EQ(changed->adapter, 1);
  EXPECT_EQ(std::get<mgmt::Settings>(changed->what).settings,
            mgmt::setting::powered | mgmt::setting::low_energy);
  EXPECT_FALSE(mgmt::parse(as_bytes(words({6, 1, 2, 0x0201}))));
}

TEST(Management, AdvertisesAServiceUntilThatIsRemoved) {
  const Uuid service = *parse_uuid("b7a50001-4f1c-4c7e-9b0a-3d6e5f8c2a10");
  const std::string uuid(reinterpret_cast<const char*>(service.bytes.data()), service.bytes.size());
  // Instance 1, connectable and discoverable, no duration, no timeout; 18 bytes of data.
  EXPECT_EQ(mgmt::add_advertising(2, service),
            words({0x3E, 2, 29}) + std::string("\x01\x03\0\0\0\0\0\0\0\x12\0\x11\x07", 13) + uuid);
  EXPECT_EQ(mgmt::remove_advertising(2), words({0x3F, 2, 1}) + '\x01');
}

TEST(Management, ARefusalIsTold) {
  const auto event = mgmt::parse(as_bytes(words({2, 0, 3, 0x23}) + '\x0f'));
  ASSERT_TRUE(event);
  EXPECT_EQ(mgmt::describe(std::get<mgmt::Done>(event->what).status), "not powered");
}

}  // namespace
}  // namespace ferry::ble
