// A GATT client, Ferry's GATT server, and the reassembly of SMP packets behind them, fed with
// whatever a device might send: records, each a length byte and so many bytes of one packet of the
// Attribute Protocol. Length 255: the client's last request is answered by the bytes that follow up
// to the next 255, behind the opcode that fits. The client stays within its MTU, ends or goes on,
// and asks for handles in order. The server answers a packet once at most, unless it notifies.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "transports/ble/advertisement.hpp"
#include "transports/ble/gatt_client.hpp"
#include "transports/ble/gatt_server.hpp"
#include "transports/ble/management.hpp"
#include "transports/smp/reassembler.hpp"

namespace {

using namespace ferry;

void require(bool fine) {
  if (!fine) std::abort();
}

// What the client wants sent; the last opcode that was one.
std::uint8_t drain(ble::GattClient& client, std::uint8_t last) {
  while (const auto packet = client.next_output()) {
    require(!packet->empty() && packet->size() <= client.mtu());
    last = static_cast<std::uint8_t>(packet->front());
  }
  return last;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input{reinterpret_cast<const std::byte*>(data), size};
  ble::Advertisement seen;
  ble::read_advertising_data(input, seen);
  static_cast<void>(ble::mgmt::parse(input));

  std::size_t packets = 0;
  smp::Reassembler reassembler([&packets](Bytes packet) {
    require(packet.size() >= smp::header_size && packet.size() <= smp::packet_limit);
    ++packets;
  });
  ble::GattTarget target;
  target.service = *ble::parse_uuid("8d53dc1d-1db7-4cd3-868b-8a527460aa84");
  target.characteristic = *ble::parse_uuid("da2e7828-fbce-4e01-ae9e-261174997c48");
  ble::GattClient client(target, [&](Bytes value) { reassembler.feed(value); });
  smp::Reassembler asked_for([&packets](Bytes) { ++packets; });
  ble::GattServer server("gateway", 0x80, [&](Bytes value) { asked_for.feed(value); });
  std::uint8_t asked = drain(client, 0);
  for (std::size_t at = 0; at < size;) {
    const std::size_t length = data[at++];
    constexpr std::size_t answer = 255;
    std::string packet;
    if (length == answer) {
      packet += static_cast<char>(asked + 1);
      while (at < size && data[at] != answer) packet += static_cast<char>(data[at++]);
    } else {
      for (std::size_t i = 0; i < length && at < size; ++i) packet += static_cast<char>(data[at++]);
    }
    client.received(as_bytes(packet));
    server.received(as_bytes(packet));
    const auto answer_packet = server.next_output();
    require(!answer_packet || answer_packet->size() <= ble::att::most_mtu);
    require(!server.has_output());
    if (client.ready()) client.write(std::string(600, 'w'));
    asked = drain(client, asked);
    require(client.mtu() >= ble::att::least_mtu && client.mtu() <= ble::att::most_mtu);
    require(!client.failed() || !client.failure().empty());
  }
  return 0;
}
