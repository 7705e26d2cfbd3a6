// What is said over one accepted connection: which message goes next, and what an acknowledgement
// means.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "agent/monitor/broker_connection.hpp"
#include "agent/monitor/event_feed.hpp"
#include "agent/monitor/retained.hpp"

namespace ferry::monitor {

// Belongs to the monitor's thread.
class Session {
 public:
  // What of each kind may be unacknowledged at once. Together they stay below the 20 of
  // libmosquitto, so that it keeps nothing back; apart, so that busy devices do not hold up events.
  static constexpr std::size_t retained_window = 4;
  static constexpr std::size_t event_window = 14;

  using NextRetained = std::function<std::optional<Retained::Message>()>;

  Session(BrokerConnection& connection, storage::Outbox& outbox, EventFeed& feed, std::string root,
          NextRetained next_retained);

  // Begins by saying that the gateway is online.
  Status begin();
  // Takes acknowledgements, then fills both windows.
  Status advance();
  // Says "offline", waits a moment for the acknowledgement and disconnects.
  void end();

 private:
  Status send(const std::string& topic, const std::string& payload, bool retain,
              std::optional<std::uint64_t> sequence);
  void take_acknowledgements();

  BrokerConnection& connection_;
  storage::Outbox& outbox_;
  EventFeed& feed_;
  std::string root_;
  NextRetained next_retained_;
  std::map<int, std::optional<std::uint64_t>> in_flight_;  // message number → sequence of its event
  std::size_t events_in_flight_ = 0;
  bool store_failed_ = false;
};

// Waits until the connection can go on, `wake` (an eventfd, then reset) is set, or the time is
// over; false when it was only the connection.
bool wait_for(const BrokerConnection& connection, int wake, Duration longest);

}  // namespace ferry::monitor
