// Dialect smp: devices nearby that are told what to do, by SMP over a characteristic of theirs.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "transports/ble/roster.hpp"
#include "transports/ble/session.hpp"
#include "transports/ble/transport_base.hpp"

namespace ferry::ble {

class PushTransport final : public TransportBase {
 public:
  PushTransport(const plugin::Host& host, Settings settings);

  int run() override;
  void changed() override;
  void cancel(std::uint64_t delivery) override;

 private:
  std::string describe() const override;
  void found(AdapterNumber adapter, const Advertisement& advertisement) override;
  void adapters_changed() override;
  void visit();
  std::vector<std::shared_ptr<PushSession>> all() const;

  Refusals refusals_;
  Service service_;
  Roster roster_;
  std::map<Address, std::shared_ptr<PushSession>> sessions_;
  loop::Timer visitor_;
  bool full_ = false;  // and it was said
};

}  // namespace ferry::ble
