// Dialects raw, xmodem and ymodem: one firmware image as a stream of bytes. A device asks by a line
// that it prints (`trigger`), or is told: at once with raw, with the others when its receiver asks.
// Nothing is known of what it runs.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "transports/serial/modem.hpp"
#include "transports/serial/session.hpp"

namespace ferry::serial {

class StreamSession final : public Session {
 public:
  StreamSession(Service& service, std::string name);

  void changed() override;
  void cancel(std::uint64_t delivery) override;

 private:
  enum class Phase {
    resting,
    asking,  // the agent
    sending,
    draining,  // raw: everything is written, not everything has left
    telling,
  };

  void start() override;
  void lost(std::string_view why) override;
  void on_time(TimePoint now) override;
  void received(Bytes bytes) override;
  void room() override { pump(); }

  bool is_told() const { return service_.settings.trigger.empty(); }
  bool is_raw() const { return service_.settings.dialect == Dialect::raw; }
  void listen(Bytes bytes);
  bool heard_trigger() const;
  bool is_prompt(Bytes bytes);
  void ask_offer();
  void ask_step();
  void take_step(int result, const plugin::Step* step);
  void begin(const plugin::Offer& offer);
  void pump();
  void pump_raw();
  void pump_modem();
  bool prefetch();
  void report(std::uint64_t reached);
  void finish(int outcome, const std::string& detail);
  void told(int outcome);

  Phase phase_ = Phase::resting;
  std::string heard_;  // the last bytes of the device's text
  TimePoint heard_at_{};
  bool wanted_ = true;       // told: the agent may have something for it
  bool asks_again_ = false;  // told: when the timer comes
  plugin::Device device_;

  std::optional<std::uint64_t> delivery_;  // under way
  plugin::Artifact artifact_;
  std::string ahead_;         // raw: bytes read before they are needed
  std::size_t position_ = 0;  // in ahead_
  std::uint64_t read_ = 0;    // bytes of the artifact, in ahead_ and before
  std::uint64_t before_ = 0;  // bytes that had left the line when the artifact began
  std::uint64_t reported_ = 0;
  std::unique_ptr<Modem> modem_;
  std::string block_;  // of the modem, being written
  std::size_t block_position_ = 0;
};

}  // namespace ferry::serial
