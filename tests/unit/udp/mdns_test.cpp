#include "transports/udp/mdns.hpp"

#include <gtest/gtest.h>

namespace ferry::udp {
namespace {

using namespace std::string_literals;

const std::string service = "\x07_mcumgr\x04_udp\x05local\x00"s;
const std::string head = "\0\0\x84\0\0\0\0\x03\0\0\0\0"s;
// The pointer, the instance's port, the host's address; names lead back to the front.
const std::string pointer = service + "\0\x0c\0\x01\0\0\x11\x94\0\x08\x05Meter\xc0\x0c"s;
const std::string port = "\xc0\x2a\0\x21\x80\x01\0\0\0\x78\0\x0e\0\0\0\0\x05\x39\x05Meter\xc0\x19"s;
const std::string address = "\x05meter\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\x0a\0\0\x07"s;

std::set<Address> known(const std::string& datagram) {
  MdnsTable table;
  table.take(parse_mdns(as_bytes(datagram)), {});
  return table.addresses({});
}

TEST(Mdns, AsksForTheService) {
  EXPECT_EQ(mdns_question(), "\0\0\0\0\0\x01\0\0\0\0\0\0"s + service + "\0\x0c\0\x01"s);
}

TEST(Mdns, FindsADeviceByItsPortAndAddress) {
  const MdnsRecords records = parse_mdns(as_bytes(head + pointer + port + address));
  ASSERT_EQ(records.instances, std::vector<std::string>{"meter._mcumgr._udp.local"});
  ASSERT_EQ(records.services.size(), 1U);
  EXPECT_EQ(records.services[0].instance, "meter._mcumgr._udp.local");
  EXPECT_EQ(records.services[0].host, "meter.local");
  ASSERT_EQ(records.hosts.size(), 1U);
  const auto found = known(head + pointer + port + address);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.begin()->text(), "10.0.0.7:1337");
}

TEST(Mdns, ACutOneGivesWhatStoodBeforeTheCut) {
  const std::string whole = head + pointer + port + address;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(known(whole.substr(0, size)).empty()) << size;
  }
}

TEST(Mdns, QuestionsAndErrorsAreNoAnswers) {
  std::string question = head + pointer + port + address;
  question[2] = 0;
  EXPECT_TRUE(known(question).empty());
  std::string error = head + pointer + port + address;
  error[3] = 3;
  EXPECT_TRUE(known(error).empty());
}

TEST(Mdns, NamesThatLeadInCirclesEnd) {
  const std::string circle = head + "\xc0\x0c\0\x0c\0\x01\0\0\0\x78\0\0"s;
  EXPECT_TRUE(parse_mdns(as_bytes(circle)).instances.empty());
  const std::string forward = head + "\xc0\x20\0\x0c\0\x01\0\0\0\x78\0\0"s + std::string(40, '\0');
  EXPECT_TRUE(parse_mdns(as_bytes(forward)).instances.empty());
}

TEST(Mdns, BroadcastsAndGroupsAreNoDevices) {
  for (const char* wrong : {"\xff\xff\xff\xff", "\xe0\0\0\xfb"}) {
    std::string datagram = head + pointer + port + address;
    datagram.replace(datagram.size() - 4, 4, std::string(wrong, 4));
    EXPECT_TRUE(known(datagram).empty());
  }
}

TEST(Mdns, WhatLeavesOrGrowsOldIsForgotten) {
  MdnsTable table;
  const MdnsTable::TimePoint start{};
  table.take(parse_mdns(as_bytes(head + pointer + port + address)), start);
  EXPECT_EQ(table.addresses(start + std::chrono::seconds(119)).size(), 1U);
  EXPECT_TRUE(table.addresses(start + std::chrono::seconds(120)).empty());
  MdnsRecords leaving = parse_mdns(as_bytes(head + pointer + port + address));
  leaving.services[0].lifetime = 0;
  table.take(leaving, start);
  EXPECT_TRUE(table.addresses(start).empty());
}

TEST(Mdns, TheTableIsBounded) {
  MdnsTable table;
  for (std::uint32_t i = 1; i < 2000; ++i) {
    MdnsRecords records;
    records.services.push_back({std::to_string(i), std::to_string(i), 1337, 1000});
    records.hosts.push_back({std::to_string(i), in_addr{htonl(0x0A000000 + i)}, 1000});
    table.take(records, {});
  }
  EXPECT_EQ(table.addresses({}).size(), MdnsTable::most);
}

}  // namespace
}  // namespace ferry::udp
