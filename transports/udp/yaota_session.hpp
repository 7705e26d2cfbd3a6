// Dialect yaota8266: a bootloader that takes a signed container. It says nothing of itself, and is
// not heard before it is sent the beginning.
#pragma once

#include <optional>
#include <string>

#include "transports/udp/session.hpp"
#include "transports/udp/yaota.hpp"

namespace ferry::udp {

class YaotaSession final : public Session, public std::enable_shared_from_this<YaotaSession> {
 public:
  YaotaSession(Service& service, const Address& address)
      : Session(service, address), device_(unknown_device()) {}

  void start() override { ask(); }
  bool is_idle() const override { return phase_ == Phase::resting; }
  void changed() override;
  void cancel(std::uint64_t delivery) override;

 private:
  enum class Phase {
    resting,
    asking,  // the agent
    sending,
    telling,  // how it ended
  };

  void take(Bytes datagram, TimePoint now) override;
  void on_time(TimePoint now) override;
  void stirred() override;

  template <typename Function>
  auto guarded(Function function) {
    return [weak = weak_from_this(), function](auto&&... arguments) {
      if (const auto self = weak.lock()) function(std::forward<decltype(arguments)>(arguments)...);
    };
  }
  void ask();
  void take_step(int result, const plugin::Step* step);
  void begin(const plugin::Offer& offer);
  void report();
  void rest(Duration time);
  void finish(int outcome, const std::string& detail);

  Phase phase_ = Phase::resting;
  bool wanted_ = true;
  std::optional<TimePoint> due_;  // the end of the rest
  plugin::Device device_;
  std::optional<std::uint64_t> delivery_;
  plugin::Artifact artifact_;
  std::optional<YaotaSender> sender_;
  std::uint64_t reported_ = 0;  // bytes of the artifact
};

}  // namespace ferry::udp
