// Dialect pull: the gateway advertises Ferry's service, and devices connect to it and ask.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "transports/ble/listener.hpp"
#include "transports/ble/pull_visit.hpp"
#include "transports/ble/transport_base.hpp"

namespace ferry::ble {

class PullTransport final : public TransportBase {
 public:
  PullTransport(const plugin::Host& host, Settings settings);

  int run() override;
  void changed() override;
  void cancel(std::uint64_t) override {}

 private:
  std::string describe() const override;
  bool written(const Address& device, std::size_t mtu, Bytes piece) override;
  void found(AdapterNumber, const Advertisement&) override {}
  void adapters_changed() override { tell_state(); }
  Status listen();
  std::shared_ptr<PullVisit> admit(const Address& device);
  void accept_attributes(int descriptor, const Address& device);
  void accept_packets(int descriptor, const Address& device);
  void begin(const std::shared_ptr<PullVisit>& visit, bool started);

  smp_session::Service service_;
  Listener attributes_;
  Listener packets_;
  std::uint16_t psm_ = 0;  // of packets_; 0 there is none
  std::list<std::shared_ptr<PullVisit>> visits_;
  std::weak_ptr<PullVisit> writer_;  // of those, the one whose attributes the radio answers for
  bool full_ = false;                // and it was said
};

}  // namespace ferry::ble
