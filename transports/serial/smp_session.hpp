// Dialect smp: a device that is told. It is looked for, shown to the agent, brought to the step
// that the agent names, and looked at again: what the device says of itself is the truth.
//
//   resting ──poll──▶ looking ──answer──▶ asking ──step──▶ working ──▶ telling ──▶ looking …
//      ▲────silence─────┘                   │
//      ▲────────────nothing to do───────────┘
//
// After a reset it is looked for often, until it is back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "transports/serial/session.hpp"
#include "transports/smp/client.hpp"
#include "transports/smp/console.hpp"

namespace ferry::serial {

class SmpSession final : public Session {
 public:
  SmpSession(Service& service, std::string name);

  void changed() override;
  void cancel(std::uint64_t delivery) override;

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

  // The line: smp_session.cpp.
  void start() override;
  void lost(std::string_view why) override;
  void on_time(TimePoint now) override;
  void received(Bytes bytes) override;
  void room() override { pump(); }
  void pump();
  bool write_next(TimePoint now);
  void arm();

  // Looking and asking: smp_session.cpp.
  void look();
  void looked(const smp::Reply<Slots>& slots);
  void rest(Duration time);
  void take(const Slots& slots);
  void come_back();
  void name_and_show();
  void show();
  void ask();
  void take_step(int result, const plugin::Step* step);

  // Steps: smp_steps.cpp.
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
  void read_state_then(void (SmpSession::*judge)(const Fault& before), Fault before);
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

  smp::Client client_;
  smp::ConsoleDecoder decoder_;
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

  std::string encoded_;  // lines of the packet that is being written
  std::size_t position_ = 0;
  bool writing_ = false;

  Slots slots_;
  plugin::Device device_;
  std::optional<plugin::Step> step_;            // under way
  const plugin::Artifact* artifact_ = nullptr;  // of step_
  std::string hash_;                            // the image's, raw
  std::uint64_t reached_ = 0;                   // of the artifact
  bool cancelled_ = false;
  bool erased_ = false;  // in this step
};

}  // namespace ferry::serial
