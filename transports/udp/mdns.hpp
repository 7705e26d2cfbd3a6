// Just enough of multicast DNS (RFC 6762) and service discovery (RFC 6763) to find devices that
// offer SMP over UDP: one question, and what answers say of instances, ports and addresses. Pure.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "transports/udp/address.hpp"

namespace ferry::udp {

inline constexpr std::uint16_t mdns_port = 5353;
in_addr mdns_group();  // 224.0.0.251

// Who offers `_mcumgr._udp.local`?
std::string mdns_question();

// What of a response matters here, in the order in which it stood there. Names are lower case,
// their labels joined by dots (dots and backslashes within a label escaped).
struct MdnsRecords {
  struct Service {
    std::string instance;
    std::string host;
    std::uint16_t port = 0;
    std::uint32_t lifetime = 0;  // seconds; 0: it leaves
  };
  struct Host {
    std::string name;
    in_addr address{};
    std::uint32_t lifetime = 0;
  };
  std::vector<std::string> instances;  // of the service, from pointers to them
  std::vector<Service> services;
  std::vector<Host> hosts;
};

// Of a datagram that is no response, or breaks the format, what stood before the break. At most 64
// records of each kind.
MdnsRecords parse_mdns(Bytes datagram);

// What is known of devices by now. Bounded: what comes beyond is not taken in until something goes.
class MdnsTable {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::size_t most = 256;  // of instances, and of hosts

  void take(const MdnsRecords& records, TimePoint now);
  // Where devices are, as far as both their port and an address is known.
  std::set<Address> addresses(TimePoint now) const;

 private:
  struct Service {
    std::string host;
    std::uint16_t port = 0;
    TimePoint until;
  };
  struct Host {
    in_addr address{};
    TimePoint until;
  };
  std::map<std::string, Service> services_;  // by instance
  std::map<std::string, Host> hosts_;
};

}  // namespace ferry::udp
