// Dialect smp: a device that is told, on its console (transports/smp_session/push.hpp).
#pragma once

#include <memory>
#include <string>

#include "transports/serial/session.hpp"
#include "transports/smp/console.hpp"
#include "transports/smp_session/push.hpp"

namespace ferry::serial {

class SmpSession final : public Session, public smp_session::Carrier {
 public:
  SmpSession(Service& service, std::string name);
  ~SmpSession() override { push_->close(); }

  void changed() override { push_->changed(); }
  void cancel(std::uint64_t delivery) override { push_->cancel(delivery); }

 private:
  void start() override;
  void lost(std::string_view why) override { push_->lost(why); }
  void on_time(TimePoint now) override;
  void received(Bytes bytes) override;
  void room() override { pump(); }
  void stirred() override { pump(); }
  void log(int level, std::string_view text) override { Session::log(level, text); }
  void pump();
  bool write_next(TimePoint now);

  const std::shared_ptr<smp_session::Push> push_;
  smp::ConsoleDecoder decoder_;
  std::string encoded_;  // lines of the packet that is being written
  std::size_t position_ = 0;
  bool writing_ = false;
};

}  // namespace ferry::serial
