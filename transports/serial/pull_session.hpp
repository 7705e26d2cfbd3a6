// Dialect pull: a device that asks, over its console's framing (transports/smp_session/pull.hpp).
#pragma once

#include <memory>
#include <string>

#include "transports/serial/session.hpp"
#include "transports/smp/console.hpp"
#include "transports/smp_session/pull.hpp"

namespace ferry::serial {

class PullSession final : public Session, public smp_session::Carrier {
 public:
  PullSession(Service& service, std::string name);
  ~PullSession() override { pull_->close(); }

  void changed() override { pull_->changed(); }

 private:
  void start() override {}
  void lost(std::string_view) override { pull_->close(); }
  void on_time(TimePoint now) override;
  void received(Bytes bytes) override;
  void room() override { pump(); }
  void stirred() override;
  void log(int level, std::string_view text) override { Session::log(level, text); }

  void asked(Bytes packet);
  void pump();

  const std::shared_ptr<smp_session::Pull> pull_;
  smp::ConsoleDecoder decoder_;
  std::string output_;  // encoded answers
  std::size_t position_ = 0;
};

}  // namespace ferry::serial
