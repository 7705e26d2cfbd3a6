#include "transports/udp/session.hpp"

#include <fmt/format.h>

#include "transports/udp/pace.hpp"
#include "transports/udp/yaota_session.hpp"

namespace ferry::udp {
namespace {

using std::chrono::steady_clock;

// A device that is told.
class PushPeer final : public Session {
 public:
  PushPeer(Service& service, const Address& address)
      : Session(service, address),
        push_(std::make_shared<smp_session::Push>(service, *this, service.settings.push,
                                                  lossy_link(), unknown_device())) {}
  ~PushPeer() override { push_->close(); }

  void start() override {
    push_->start();
    stirred();
  }
  bool is_idle() const override { return push_->is_idle(); }
  void changed() override { push_->changed(); }
  void cancel(std::uint64_t delivery) override { push_->cancel(delivery); }

 private:
  void take(Bytes datagram, TimePoint now) override {
    push_->received(datagram, now);
    push_->noticed();
    stirred();
  }
  void on_time(TimePoint now) override {
    push_->on_time(now);
    stirred();
  }
  void stirred() override {
    const TimePoint now = steady_clock::now();
    while (const auto packet = push_->next_output(now)) {
      send(*packet);
      push_->written(now);
    }
    wake_at(push_->deadline());
  }

  const std::shared_ptr<smp_session::Push> push_;
};

// A device that asks.
class PullPeer final : public Session {
 public:
  PullPeer(Service& service, const Address& address)
      : Session(service, address),
        pull_(std::make_shared<smp_session::Pull>(
            service, *this,
            smp_session::PullSettings{service.settings.profiles, service.settings.product}, link(),
            address.host())) {}
  ~PullPeer() override { pull_->close(); }

  void changed() override { pull_->changed(); }

 private:
  static smp::ServerOptions link() {
    smp::ServerOptions options;
    // What a device takes is not known; Zephyr's buffers for SMP hold 384 bytes.
    options.answer_limit = 384;
    return options;
  }
  void take(Bytes datagram, TimePoint now) override {
    pull_->received(datagram, now);
    stirred();
  }
  void on_time(TimePoint now) override {
    pull_->on_time(now);
    stirred();
  }
  void stirred() override {
    while (const auto packet = pull_->next_output()) send(*packet);
    wake_at(pull_->deadline());
  }

  const std::shared_ptr<smp_session::Pull> pull_;
};

}  // namespace

Session::Session(Service& service, const Address& address)
    : service_(service),
      address_(address),
      heard_at_(steady_clock::now()),
      timer_(service.loop, [this] { on_time(steady_clock::now()); }) {}

void Session::received(Bytes datagram) {
  heard_at_ = steady_clock::now();
  take(datagram, heard_at_);
}

void Session::log(int level, std::string_view text) {
  service_.host.log(level, fmt::format("{}: {}", address_.text(), text));
}

void Session::wake_at(std::optional<TimePoint> time) {
  if (time) {
    timer_.set(*time);
  } else {
    timer_.clear();
  }
}

plugin::Device Session::unknown_device() const {
  plugin::Device device;
  device.id = address_.port() == smp_port ? address_.host() : address_.text();
  device.product = service_.settings.product;
  device.address = address_.text();
  return device;
}

std::shared_ptr<Session> make_session(Service& service, const Address& address) {
  switch (service.settings.dialect) {
    case Dialect::pull:
      return std::make_shared<PullPeer>(service, address);
    case Dialect::yaota8266:
      return std::make_shared<YaotaSession>(service, address);
    case Dialect::smp:
      break;
  }
  return std::make_shared<PushPeer>(service, address);
}

}  // namespace ferry::udp
