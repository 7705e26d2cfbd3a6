// What the sessions of this room need of the link that carries their packets, and of the plugin
// around them. A link frames packets, paces and times them; a session says what stands in them.
//
// A link drives its session so: whenever something happened,
//   while (auto packet = session.next_output(now)) { write it out; session.written(now'); }
//   each packet from the device:    session.received(packet, now);
//   at session.deadline():          session.on_time(now);
// and looks at next_output() and deadline() again after each of these calls, and when stirred()
// says so. It keeps the session in a shared pointer, and calls lost() or close() before it goes.
#pragma once

#include <string_view>

#include "transports/loop/loop.hpp"
#include "transports/pull/resolver.hpp"
#include "transports/transport.hpp"

namespace ferry::smp_session {

// What all sessions of a plugin share; lives as long as the plugin.
struct Service {
  plugin::Host host;
  loop::Loop& loop;
  pull::Resolver& resolver;
};

// On the loop's thread. Must live until the session's lost() or close().
class Carrier {
 public:
  // There may be something to write, or an earlier deadline. From the loop, or from within
  // changed() and cancel() of the session.
  virtual void stirred() = 0;
  // A line for the log; the link says which device it is about.
  virtual void log(int level, std::string_view text) = 0;

 protected:
  ~Carrier() = default;
};

}  // namespace ferry::smp_session
