#include "transports/ble/bluez_objects.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ferry::ble::bluez {
namespace {

using testing::ElementsAre;
using testing::Pair;

const std::string adapter = "/org/bluez/hci0";
const std::string device = adapter + "/dev_00_AA_01_00_00_42";

Properties lamp() {
  return {{"Address", std::string("00:AA:01:00:00:42")},
          {"AddressType", std::string("random")},
          {"Name", std::string("lamp")},
          {"RSSI", std::int64_t(-60)},
          {"UUIDs", std::vector<std::string>{"8d53dc1d-1db7-4cd3-868b-8a527460aa84", "rubbish"}},
          {"ManufacturerData", CompanyData{{0x0059, "raw"}}}};
}

TEST(BluezPaths, NameAdaptersAndDevices) {
  EXPECT_EQ(adapter_number("/org/bluez/hci3"), 3);
  EXPECT_EQ(adapter_number("/org/bluez/hci12/dev_00_AA_01_00_00_42"), 12);
  for (const char* other :
       {"", "/", "/org/bluez", "/org/bluez/hci", "/org/bluez/hcix", "/org/bluez/hci99999"}) {
    EXPECT_FALSE(adapter_number(other)) << other;
    EXPECT_FALSE(device_address(other)) << other;
  }
  EXPECT_EQ(to_string(*device_address(device)), "00:AA:01:00:00:42");
  EXPECT_FALSE(device_address(device + "/service0010"));
}

TEST(BluezObjects, ADeviceIsHeardAsItAdvertises) {
  Objects objects;
  objects.put(device, device_interface, lamp());
  const auto heard = objects.heard(device);
  ASSERT_TRUE(heard);
  EXPECT_EQ(to_string(heard->address), "00:AA:01:00:00:42");
  EXPECT_EQ(heard->address.kind, AddressKind::random_address);
  EXPECT_EQ(heard->signal, -60);
  EXPECT_EQ(heard->name, "lamp");
  EXPECT_THAT(heard->services, ElementsAre(*parse_uuid("8d53dc1d-1db7-4cd3-868b-8a527460aa84")));
  EXPECT_EQ(heard->company, 0x0059);
  EXPECT_EQ(heard->manufacturer_data, "raw");
}

TEST(BluezObjects, ADeviceOutOfReachIsNotHeard) {
  Objects objects;
  Properties silent = lamp();
  silent.erase("RSSI");
  objects.put(device, device_interface, silent);
  EXPECT_FALSE(objects.heard(device));
  objects.put(device, device_interface, {{"RSSI", std::int64_t(-70)}});
  EXPECT_EQ(objects.heard(device)->signal, -70);
  EXPECT_EQ(objects.heard(device)->name, "lamp") << "what did not change is kept";
  objects.remove(device, device_interface);
  EXPECT_FALSE(objects.heard(device));
}

TEST(BluezObjects, WhatIsOfAnotherTypeIsNotThere) {
  Objects objects;
  objects.put(device, device_interface,
              {{"Address", true}, {"RSSI", std::string("loud")}, {"Connected", std::int64_t(1)}});
  EXPECT_FALSE(objects.heard(device));
  EXPECT_FALSE(objects.is(device, device_interface, "Connected"));
  EXPECT_FALSE(objects.is(device, "org.other", "Connected"));
}

TEST(BluezObjects, AdaptersAndTheirDevicesAreFound) {
  Objects objects;
  objects.put(adapter, adapter_interface, {{"Powered", true}});
  objects.put("/org/bluez/hci1", adapter_interface, {});
  objects.put("/org/bluez/hci2", "org.bluez.Media1", {});
  objects.put(device, device_interface, lamp());
  EXPECT_THAT(objects.adapters(), ElementsAre(Pair(0, adapter), Pair(1, "/org/bluez/hci1")));
  EXPECT_EQ(objects.device(adapter, *parse_address("00:AA:01:00:00:42")), device);
  EXPECT_EQ(objects.device("/org/bluez/hci1", *parse_address("00:AA:01:00:00:42")), "");
  EXPECT_EQ(objects.device(adapter, *parse_address("00:AA:01:00:00:43")), "");
  objects.clear();
  EXPECT_TRUE(objects.adapters().empty());
}

TEST(BluezObjects, ACharacteristicIsFoundInItsServiceAlone) {
  const std::string uuid = "da2e7828-fbce-4e01-ae9e-261174997c48";
  const std::string service_uuid = "8d53dc1d-1db7-4cd3-868b-8a527460aa84";
  const auto find = [&](const Objects& objects) {
    return objects.characteristic(device, *parse_uuid(service_uuid), *parse_uuid(uuid));
  };
  Objects objects;
  const std::string other = device + "/service0001";
  const std::string right = device + "/service0010";
  objects.put(other, service_interface, {{"UUID", std::string("1800")}});
  objects.put(other + "/char0002", characteristic_interface, {{"UUID", uuid}, {"Service", other}});
  EXPECT_EQ(find(objects), "");
  objects.put(right, service_interface, {{"UUID", service_uuid}});
  objects.put(right + "/char0011", characteristic_interface, {{"UUID", uuid}, {"Service", right}});
  EXPECT_EQ(find(objects), right + "/char0011");
}

}  // namespace
}  // namespace ferry::ble::bluez
