// A device that is told. It is looked for, shown to the agent, brought to the step
// that the agent names, and looked at again: what the device says of itself is the truth.
//
//   resting ──poll──▶ looking ──answer──▶ asking ──step──▶ working ──▶ telling ──▶ looking …
//      ▲────silence─────┘                   │
//      ▲────────────nothing to do───────────┘
//
// After a reset it is looked for often, until it is back.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "transports/smp/client.hpp"
#include "transports/smp_session/carrier.hpp"

namespace ferry::smp_session {

using smp::Milliseconds;
using smp::TimePoint;

struct PushSettings {
  bool id_by_info = false;  // a device's id is its node name, not what the link gives it
  // The product allows none: devices are asked to refuse them as well.
  bool refuse_downgrade = true;
  Duration poll_interval = std::chrono::seconds(5);  // between looks at a device
  Duration probe_timeout = std::chrono::seconds(1);  // of each answer
};

// On the loop's thread.
class Push final : public std::enable_shared_from_this<Push> {
 public:
  // `link` holds what the framing and the way there ask for; the rest of the client's options
  // follows from the settings. `unknown` is the device as long as nothing is known of it.
  Push(Service& service, Carrier& carrier, const PushSettings& settings,
       const smp::ClientOptions& link, plugin::Device unknown);

  // The first look is due now.
  void start();
  // The link is gone: what is under way ends as lost. Nothing is called any more.
  void lost(std::string_view why);
  // The plugin stops: nothing is told any more.
  void close() { carrier_ = nullptr; }

  // As in transport.h.
  void changed();
  void cancel(std::uint64_t delivery);
  // The device spoke up by itself, or is known to be there: the next look comes now.
  void noticed();

  // See carrier.hpp, and client.hpp of smp.
  std::optional<std::string> next_output(TimePoint now);
  void written(TimePoint now) { client_.written(now); }
  bool worth_writing() const { return client_.worth_writing(); }
  void received(Bytes packet, TimePoint now) { client_.received(packet, now); }
  std::optional<TimePoint> deadline() const;
  void on_time(TimePoint now);

  // Nothing is under way, and the last look was not answered.
  bool is_idle() const { return phase_ == Phase::resting && !present_ && !returning_ && !step_; }
  // The device answered, and the agent had nothing for it since.
  bool is_satisfied() const {
    return phase_ == Phase::resting && present_ && !returning_ && !step_ && !wanted_;
  }
  // The device was reset, and is expected back.
  bool is_returning() const { return returning_.has_value(); }
  // A step is under way.
  bool is_working() const { return step_.has_value(); }

 private:
  enum class Phase {
    resting,  // until the next look
    looking,  // its image state, or its name, is being read
    asking,   // the agent
    working,  // on a step
    telling,  // how the step ended, until the agent has it
  };
  using Slots = std::vector<smp::ImageSlot>;
  using Fault = smp::Fault;

  // Looking and asking: push.cpp.
  void look();
  void looked(const smp::Reply<Slots>& slots);
  void rest(Duration time);
  void take(const Slots& slots);
  void come_back();
  void name_and_show();
  void show();
  void ask();
  void take_step(int result, const plugin::Step* step);

  // Steps: push_steps.cpp.
  void begin_step();
  void begin_transfer();
  void erase_then_upload();
  void upload();
  void progress(std::uint64_t offset);
  void uploaded(const smp::Reply<smp::UploadResult>& result);
  void verify();
  void discard_broken(const std::string& why);
  void begin_activation();
  void reset();
  void begin_confirmation();
  // Reads the state and goes on with `judge`, whatever what came before said of itself.
  void read_state_then(void (Push::*judge)(const Fault& before), Fault before);
  void judge_test(const Fault& before);
  void judge_confirmation(const Fault& before);
  void fail(const Fault& fault, std::string_view what);
  void finish(int outcome, const std::string& detail);

  // What the last look found; `hash` is raw.
  const smp::ImageSlot* active() const;
  const smp::ImageSlot* waiting(const std::string& hash) const;  // in a slot that does not run
  const smp::ImageSlot* pending() const;
  bool runs(const std::string& hash) const;
  // MCUboot's serial recovery tells of images, but runs none.
  bool in_recovery() const { return active() == nullptr; }

  bool is_closed() const { return carrier_ == nullptr; }
  // A callback for the host that does nothing once the session is closed or gone.
  template <typename Function>
  auto guarded(Function function) {
    return [weak = weak_from_this(), function](auto&&... arguments) {
      const auto self = weak.lock();
      if (self && !self->is_closed()) function(std::forward<decltype(arguments)>(arguments)...);
    };
  }
  void stirred() {
    if (!is_closed()) carrier_->stirred();
  }
  void log(int level, std::string_view text) {
    if (!is_closed()) carrier_->log(level, text);
  }

  Service& service_;
  Carrier* carrier_;
  const PushSettings settings_;
  const plugin::Device unknown_;
  smp::Client client_;
  Phase phase_ = Phase::resting;
  std::optional<TimePoint> due_;        // the end of the rest, or of a look's patience
  std::optional<TimePoint> returning_;  // it was reset: looked for often until then
  TimePoint lingers_until_{};           // and may not have restarted yet until then
  int resets_ = 0;                      // in this step
  int silent_looks_ = 0;                // since the last answer
  bool present_ = false;                // it answered the last look
  bool named_ = false;                  // its id is known
  bool wanted_ = true;                  // the agent may have something for it
  std::string shown_;                   // what it was when the agent was asked last

  Slots slots_;
  plugin::Device device_;
  std::optional<plugin::Step> step_;            // under way
  const plugin::Artifact* artifact_ = nullptr;  // of step_
  std::string hash_;                            // the image's, raw
  std::uint64_t reached_ = 0;                   // of the artifact
  bool cancelled_ = false;
  bool erased_ = false;  // in this step
};

}  // namespace ferry::smp_session
