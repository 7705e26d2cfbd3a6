// Dialect pull: the device asks, by name and offset, and is answered.
#pragma once

#include <optional>
#include <string>

#include "transports/serial/pull_files.hpp"
#include "transports/serial/session.hpp"
#include "transports/smp/console.hpp"
#include "transports/smp/server.hpp"

namespace ferry::serial {

class PullSession final : public Session {
 public:
  PullSession(Service& service, std::string name);

  void changed() override { server_.forget_answers(); }

 private:
  void start() override {}
  void lost(std::string_view) override {}
  void on_time(TimePoint now) override;
  void received(Bytes bytes) override;
  void room() override { pump(); }

  void asked(Bytes packet);
  void served(std::uint64_t handle, std::uint64_t offset, std::uint64_t length);
  void acknowledged();
  void hash_on();
  void pump();

  PullFiles files_;
  smp::Server server_;
  smp::ConsoleDecoder decoder_;
  std::string output_;  // encoded answers
  std::size_t position_ = 0;
  // Handed out last. It arrived when the device asks for something else, or asks no more.
  std::optional<PullFiles::Piece> last_;
  std::optional<TimePoint> last_due_;
  bool hashing_ = false;
};

}  // namespace ferry::serial
