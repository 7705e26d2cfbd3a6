// Responses of multicast DNS: whatever comes, parsing ends, within its bounds.
#include <cstdint>
#include <cstdlib>

#include "transports/udp/mdns.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ferry;
  const auto records = udp::parse_mdns(Bytes(reinterpret_cast<const std::byte*>(data), size));
  if (records.instances.size() > 64 || records.services.size() > 64 || records.hosts.size() > 64) {
    std::abort();
  }
  for (const auto& service : records.services) {
    if (service.port == 0 || service.host.size() > 1024) std::abort();
  }
  udp::MdnsTable table;
  table.take(records, {});
  for (const udp::Address& address : table.addresses({})) {
    if (address.family() != AF_INET || address.text().empty()) std::abort();
  }
  return 0;
}
