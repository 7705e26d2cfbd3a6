// What happens with one device: one dialect, one address.
#pragma once

#include <memory>
#include <string>

#include "transports/smp_session/carrier.hpp"
#include "transports/smp_session/pull.hpp"
#include "transports/smp_session/push.hpp"
#include "transports/udp/settings.hpp"
#include "transports/udp/socket.hpp"

namespace ferry::udp {

using smp_session::TimePoint;

// What all sessions share; lives as long as the plugin.
struct Service : smp_session::Service {
  const Settings& settings;
  Socket& socket;
};

// On the loop's thread.
class Session : public smp_session::Carrier {
 public:
  Session(Service& service, const Address& address);
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  virtual void start() {}
  // A datagram from the device.
  void received(Bytes datagram);
  // Nothing is under way that would be a pity to forget.
  virtual bool is_idle() const { return true; }
  TimePoint heard_at() const { return heard_at_; }
  // As in transport.h.
  virtual void changed() {}
  virtual void cancel(std::uint64_t /*delivery*/) {}

 protected:
  virtual void take(Bytes datagram, TimePoint now) = 0;
  virtual void on_time(TimePoint now) = 0;
  void stirred() override = 0;
  void log(int level, std::string_view text) override;

  void send(std::string_view datagram) { service_.socket.send(as_bytes(datagram), address_); }
  void wake_at(std::optional<TimePoint> time);
  // The device with its address for an id, and nothing known of it.
  plugin::Device unknown_device() const;

  Service& service_;
  const Address address_;

 private:
  TimePoint heard_at_;
  loop::Timer timer_;
};

std::shared_ptr<Session> make_session(Service& service, const Address& address);

}  // namespace ferry::udp
