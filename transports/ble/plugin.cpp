// The transport `ble`: devices that are reached over Bluetooth LE, that are told (SMP) or ask.
#include <memory>
#include <stdexcept>

#include "transports/ble/pull_transport.hpp"
#include "transports/ble/push_transport.hpp"

namespace ferry::ble {
namespace {

std::unique_ptr<plugin::Transport> make(const plugin::Host& host) {
  auto settings = read_settings(host);
  if (!settings) throw std::invalid_argument(settings.error().message);
  if (settings->dialect == Dialect::pull) {
    return std::make_unique<PullTransport>(host, std::move(*settings));
  }
  return std::make_unique<PushTransport>(host, std::move(*settings));
}

// The one that the dialect asks for.
class BleTransport final : public plugin::Transport {
 public:
  explicit BleTransport(const plugin::Host& host) : transport_(make(host)) {}

  int run() override { return transport_->run(); }
  void stop() override { transport_->stop(); }
  void post(std::function<void()> task) override { transport_->post(std::move(task)); }
  void changed() override { transport_->changed(); }
  void cancel(std::uint64_t delivery) override { transport_->cancel(delivery); }
  void port(const std::string& name, int descriptor) override {
    transport_->port(name, descriptor);
  }

 private:
  std::unique_ptr<plugin::Transport> transport_;
};

}  // namespace
}  // namespace ferry::ble

FERRY_TRANSPORT(ferry::ble::BleTransport)
