// One thing on the broker: answers what its device asks about jobs, one question after the other,
// and tells the agent what the device says of them.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "transports/mqtt/executions.hpp"
#include "transports/mqtt/question.hpp"
#include "transports/mqtt/stream.hpp"
#include "transports/transport.hpp"

namespace ferry::things {

using Steady = std::chrono::steady_clock::time_point;

// What all things share. Outlives them.
struct Service {
  plugin::Host host;
  // To the broker, with QoS 1, never retained; what does not go now is dropped.
  std::function<void(const std::string& topic, const std::string& payload)> publish;
};

// Who a thing is for the agent, and where its device finds artifacts.
struct ThingIdentity {
  std::string thing;
  std::string product;
  std::string address;  // for people
  std::string root;     // of its URLs
};

// Lives on the plugin's loop, held by shared_ptr: answers of the agent that come when it is gone
// are for nobody.
class Thing : public std::enable_shared_from_this<Thing> {
 public:
  static constexpr std::size_t most_waiting = 8;  // questions

  Thing(Service& service, const ThingIdentity& identity);
  Thing(const Thing&) = delete;
  Thing& operator=(const Thing&) = delete;

  // A question from the broker. `payload` is read during the call.
  void ask(const Topic& topic, std::string_view payload, bool too_large);
  void ask(const StreamTopic& topic, std::string_view payload, bool too_large);
  // There may be something new: a device that has nothing to do is told.
  void look();
  // The agent could not say last time.
  bool looks_again() const { return again_; }
  // Tells of a job once more that was told before `before` and that nobody has begun.
  void remind(Steady before);

  Steady heard_at() const { return heard_at_; }
  bool is_idle() const { return !busy_ && waiting_.empty(); }

 private:
  struct Waiting {
    Topic topic;
    Question question;
  };

  // How far the device was sent an artifact, in bytes, and what it must have of it.
  struct Streamed {
    std::uint64_t sent = 0;
    std::uint64_t acknowledged = 0;
  };

  void go_on();
  void begin(const Waiting& waiting);
  void get_offer(std::function<void(int result)> then);
  void took(int result, const plugin::Offer* offer);
  void answer(const Waiting& waiting, int result);
  void answer_list(const Waiting& waiting);
  void answer_execution(const Waiting& waiting, const Execution* execution);
  void update(const Waiting& waiting);
  void fail_delivery(const Waiting& waiting);
  void updated(const Waiting& waiting);
  void after_update();
  void begin_look();
  // Says what comes next, to those that listen for it.
  void tell_next();
  void accept(const Waiting& waiting, formats::Json body);
  void refuse(const Topic& topic, const std::string& token, const Refused& refused,
              const Execution* execution = nullptr);
  // Streams: thing_streams.cpp.
  const plugin::Artifact* artifact(std::string_view stream) const;
  void answer(const StreamTopic& topic, const StreamQuestion& question);
  void send_blocks(const StreamTopic& topic, const StreamQuestion& question,
                   const plugin::Artifact& from);
  void acknowledge_before(const plugin::Artifact& from, std::uint64_t offset);
  void acknowledge_all();
  void refuse(const StreamTopic& topic, const std::string& token, const Refused& refused);
  void send(const std::string& path, const std::string& token, formats::Json body);

  Service& service_;
  ThingIdentity identity_;
  plugin::Device device_;
  Executions executions_;
  std::vector<plugin::Artifact> artifacts_;   // of the offer
  std::map<std::string, Streamed> streamed_;  // of these, by SHA-256
  std::deque<Waiting> waiting_;
  bool busy_ = false;  // the agent is asked
  bool look_ = false;  // it shall be, when nothing waits
  bool again_ = false;
  Steady heard_at_{};
  Steady told_at_{};
};

}  // namespace ferry::things
