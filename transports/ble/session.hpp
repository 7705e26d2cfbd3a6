// What happens with one device while it is visited: one link, one question after the other to the
// agent, until nothing is left to do.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "transports/ble/radio.hpp"
#include "transports/ble/refusals.hpp"
#include "transports/ble/roster.hpp"
#include "transports/ble/settings.hpp"
#include "transports/smp/reassembler.hpp"
#include "transports/smp_session/carrier.hpp"
#include "transports/smp_session/push.hpp"

namespace ferry::ble {

// What all sessions share; lives as long as the plugin.
struct Service : smp_session::Service {
  const Settings& settings;
  Radio& radio;
  Refusals& refusals;
};

// On the loop's thread; held by a shared pointer.
class PushSession final : public LinkEvents,
                          public smp_session::Carrier,
                          public std::enable_shared_from_this<PushSession> {
 public:
  // Called once, from the loop; the session is of no use afterwards. `linger` as of
  // Roster::ended().
  using Ended = std::function<void(const Visit& visit, VisitEnd end, Duration linger)>;

  PushSession(Service& service, const Visit& visit, Ended ended);
  ~PushSession();
  PushSession(const PushSession&) = delete;
  PushSession& operator=(const PushSession&) = delete;

  void start();
  // The plugin stops: nothing is told any more.
  void close();

  // As in transport.h.
  void changed();
  void cancel(std::uint64_t delivery);

 private:
  void up() override;
  void received(Bytes piece) override;
  void room() override { pump(); }
  void down(std::string_view why) override;
  void refused(std::string_view why) override;
  void stirred() override { pump(); }
  void log(int level, std::string_view text) override;

  void on_time();
  void pump();
  void judge(TimePoint now);
  void end(VisitEnd end, Duration linger);
  void leave(VisitEnd end) { this->end(end, service_.radio.linger()); }
  plugin::Device unknown_device() const;

  Service& service_;
  const Visit visit_;
  Ended ended_;  // empty once it has ended
  std::shared_ptr<RadioLink> link_;
  const std::shared_ptr<smp_session::Push> push_;
  smp::Reassembler reassembler_;
  loop::Timer timer_;
  TimePoint busy_until_{};  // there was a reason to stay until then
  bool is_up_ = false;
  bool worked_ = false;   // the agent had something for it
  bool writing_ = false;  // a packet is on its way into the kernel
};

}  // namespace ferry::ble
