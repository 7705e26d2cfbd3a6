// What is said over one accepted connection: which message goes next, and what an acknowledgement
// means.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "agent/monitor/event_feed.hpp"
#include "agent/monitor/latest.hpp"
#include "agent/monitor/pace.hpp"
#include "base/mqtt/broker_connection.hpp"

namespace ferry::monitor {

using mqtt::BrokerConnection;
using mqtt::Received;

// Where the session gets what it says, and leaves what it hears.
struct SessionTalk {
  std::string root;      // "PREFIX/GATEWAY/"
  bool commands = true;  // listen for them
  std::function<std::optional<Message>()> next_message;
  std::function<void(std::vector<Received>)> received;
};

// Belongs to the monitor's thread.
class Session {
 public:
  // What of each kind may be unacknowledged at once; apart, so that busy devices do not hold up
  // events.
  static constexpr std::size_t message_window = 64;
  static constexpr std::size_t event_window = 400;
  // A full outbox takes 50 s to go out, and leaves the processor and the store to those who are
  // served meanwhile.
  static constexpr unsigned events_per_second = 2000;
  static constexpr unsigned events_together = 200;

  enum class Listening { off, asked, granted, refused };

  Session(BrokerConnection& connection, storage::Outbox& outbox, EventFeed& feed, SessionTalk talk);
  ~Session() { strike_out(true); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Begins by saying that the gateway is online, and listens for commands.
  Status begin();
  // Takes what came, then fills both windows.
  Status advance();
  // The last advance() has published something.
  bool is_talking() const { return talking_; }
  // Says again that the gateway is online: the answer to it tells that the broker is there.
  Status probe();
  // The broker has answered all of begin() and probe().
  bool settled() const;
  Listening listening() const { return listening_; }
  // Acknowledged events that are not struck out yet.
  bool unfinished() const { return !acknowledged_.empty(); }
  // When advance() has something to do although nothing comes.
  std::optional<Steady> due() const;
  // Whether the outbox has shrunk since this was last asked.
  bool take_struck() { return std::exchange(has_struck_, false); }
  // Says "offline", waits a moment for the acknowledgement and disconnects.
  void end();

 private:
  Status send(const std::string& topic, const std::string& payload, bool retain,
              std::optional<std::uint64_t> sequence);
  Status send_messages();
  Status send_events();
  void take_acknowledgements();
  void strike_out(bool all);

  BrokerConnection& connection_;
  storage::Outbox& outbox_;
  EventFeed& feed_;
  SessionTalk talk_;
  std::map<int, std::optional<std::uint64_t>> in_flight_;  // message number → sequence of its event
  std::vector<std::uint64_t> acknowledged_;                // and still in the outbox
  Steady struck_{};
  std::size_t events_in_flight_ = 0;
  Pace pace_{events_per_second, events_together};
  bool talking_ = false;
  bool held_back_ = false;  // by the pace: there may be more to send
  bool has_struck_ = false;
  std::optional<int> online_;  // number of what says so, until it is acknowledged
  std::optional<int> subscription_;
  Listening listening_ = Listening::off;
  bool store_failed_ = false;
};

}  // namespace ferry::monitor
