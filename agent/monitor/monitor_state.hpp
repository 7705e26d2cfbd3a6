// What the monitor's thread and those that call Monitor share. Private to these two files.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <sys/eventfd.h>

#include "agent/monitor/monitor.hpp"
#include "agent/monitor/outgoing.hpp"
#include "agent/monitor/session.hpp"
#include "agent/monitor/topics.hpp"
#include "base/file.hpp"

namespace ferry::monitor {

// Shared by the caller's threads and the monitor's own, which may outlive the Monitor.
struct Monitor::State {
  State(const MonitorOptions& given, storage::Outbox& kept)
      : options(given),
        root(topic_root(given.settings.prefix, given.gateway)),
        outbox(kept),
        feed(kept),
        wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        outgoing(given.most_devices) {
    const bool listens = given.settings.enabled && given.settings.commands && given.on_command;
    status.commands = listens ? "waiting" : "off";
  }

  // On any thread.
  void rouse();

  // On the monitor's thread.
  void run();
  Result<BrokerConnection> connect();
  Status serve(BrokerConnection& connection);
  Status talk_on(Session& session, BrokerConnection& connection);
  void note_session(const Session& session);
  void received(std::vector<Received> messages);
  void count_ignored(std::uint64_t messages);
  Duration longest_wait(const Session& session) const;
  Status await_acceptance(BrokerConnection& connection);
  void wait(Duration longest);
  void rest(Steady end);
  void count_waiting();
  void set_status(const std::string& state, const std::string& error);
  bool is_stopping();
  bool test_wanted();
  void end_test(std::optional<Duration> answer_time);

  const MonitorOptions options;
  const std::string root;
  // Neither is touched once `stopping` was seen.
  storage::Outbox& outbox;
  EventFeed feed;
  const Descriptor wake;
  Outgoing outgoing;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  MonitorStatus status;
  std::uint64_t tests_asked = 0;
  std::size_t commands_open = 0;  // given to on_command, and not replied to
  bool stopping = false;
  bool connecting = false;  // inside the operating system, which cannot be told to stop
  bool ended = false;
};

}  // namespace ferry::monitor
