// What happens on one line while it is there: one dialect, one device.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "transports/serial/line.hpp"
#include "transports/serial/settings.hpp"
#include "transports/smp_session/carrier.hpp"

namespace ferry::serial {

// What all sessions share; lives as long as the plugin.
struct Service : smp_session::Service {
  const Settings& settings;
};

// What the kernel may hold of SMP's packets: enough that the line never runs dry while this process
// waits for its turn, little enough that what is written is on its way.
inline constexpr Milliseconds smp_ahead{25};

// On the loop's thread. Held by the plugin until its line is gone; answers of the host that come
// later find nobody.
class Session : public LineUser, public std::enable_shared_from_this<Session> {
 public:
  // Told once; the session is of no use afterwards.
  using Ended = std::function<void(const std::string& name, std::string_view why)>;

  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Takes over the descriptor, which is configured. False: the system has no room for it.
  bool open(int descriptor, Ended ended);
  // The plugin stops.
  void close();
  const std::string& name() const { return name_; }

  // As in transport.h.
  virtual void changed() {}
  virtual void cancel(std::uint64_t /*delivery*/) {}

 protected:
  Session(Service& service, std::string name, Milliseconds ahead);

  virtual void start() = 0;
  // The line is gone: what is under way ends as lost. Nothing is called any more.
  virtual void lost(std::string_view why) = 0;
  virtual void on_time(TimePoint now) = 0;

  // Calls on_time() once at that time; forgets an earlier one.
  void wake_at(TimePoint time) { timer_.set(time); }
  bool is_closed() const { return closed_; }
  Line& line() { return *line_; }
  // The device of this line, with its port's name for an id and nothing known of it.
  plugin::Device unknown_device() const;
  void log(int level, std::string_view text) const;

  // A callback for the host that does nothing once the session is gone.
  template <typename Self, typename Function>
  auto guarded(Self* self, Function function) {
    return [self, weak = weak_from_this(), function](auto&&... arguments) {
      const auto alive = weak.lock();
      if (alive && !self->is_closed()) function(std::forward<decltype(arguments)>(arguments)...);
    };
  }

  Service& service_;

 private:
  void hung_up(std::string_view why) final;

  const std::string name_;
  std::shared_ptr<Line> line_;
  loop::Timer timer_;
  Ended ended_;
  bool closed_ = false;
};

// The session of the section's dialect.
std::shared_ptr<Session> make_session(Service& service, const std::string& name);

}  // namespace ferry::serial
