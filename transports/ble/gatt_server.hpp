// Ferry's own service, as devices find it on the gateway: a characteristic that carries packets
// both ways (written without response here, notified from here), and one that tells the number of
// the L2CAP channel which carries the same for devices that have such channels. docs/ble.md has
// the table.
//
// The server's side of one link's Attribute Protocol. No I/O and no clock: the caller carries
// packets. Each request has one answer, so a link that gives packets no way out should take none.
// Single-threaded. The callback comes from within received(); it may notify(), not destroy.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transports/ble/att_requests.hpp"

namespace ferry::ble {

// b7a5000N-4f1c-4c7e-9b0a-3d6e5f8c2a10.
Uuid ferry_service();
Uuid ferry_packets();  // SMP packets, both ways
Uuid ferry_channel();  // read: PSM of the L2CAP channel, 2 bytes, 0 there is none

class GattServer {
 public:
  // `name` is the gateway's, for people who look around; `psm` of the L2CAP channel, 0 there is
  // none. `written` is told what the device writes to the characteristic of packets.
  GattServer(std::string_view name, std::uint16_t psm, std::function<void(Bytes)> written);

  // The next packet for the channel; nothing when there is none now.
  std::optional<std::string> next_output();
  bool has_output() const { return !output_.empty(); }
  // A whole packet from the channel.
  void received(Bytes packet);

  // The device wants to be notified; what is notified otherwise is for nobody.
  bool subscribed() const { return subscribed_; }
  // Queues it in as many notifications as it needs, if the device has subscribed.
  void notify(std::string_view packet);

 private:
  struct Attribute {
    Uuid type;
    std::string value;
    bool readable = true;
  };

  void answer(const att::Mtu& request);
  void answer(const att::FindInformation& request);
  void answer(const att::FindByTypeValue& request);
  void answer(const att::ReadByType& request);
  void answer(const att::Read& request);
  void answer(const att::Write& request);
  void answer(const att::Refused& request);
  void answer(const att::Ignored&) {}
  void refuse(std::uint8_t request, std::uint16_t handle, std::uint8_t code);

  const Attribute* find(std::uint16_t handle) const;
  std::uint16_t last_handle() const { return static_cast<std::uint16_t>(attributes_.size()); }
  std::uint16_t end_of_group(std::uint16_t handle) const;
  void add_characteristic(std::uint8_t properties, const Uuid& type, std::string value);

  std::vector<Attribute> attributes_;  // handle 1 is the first
  std::uint16_t packets_ = 0;          // handles
  std::uint16_t configuration_ = 0;
  std::function<void(Bytes)> written_;
  bool subscribed_ = false;
  std::uint16_t mtu_ = att::least_mtu;
  std::deque<std::string> output_;
};

}  // namespace ferry::ble
