// A device that asks, by name and offset, and is answered.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "transports/smp/server.hpp"
#include "transports/smp_session/carrier.hpp"
#include "transports/smp_session/pull_files.hpp"

namespace ferry::smp_session {

using smp::TimePoint;

// On the loop's thread. Its answers wait in next_output(): a link that gives them no way out should
// give it no more requests.
class Pull final : public std::enable_shared_from_this<Pull> {
 public:
  // `link` says what an answer may hold; what it answers with is set here. `peer` is the link's
  // name for the device.
  Pull(Service& service, Carrier& carrier, const PullSettings& settings, smp::ServerOptions link,
       std::string peer);

  // The link is gone, or the plugin stops: nothing is called any more.
  void close() { carrier_ = nullptr; }
  // As in transport.h.
  void changed() { server_.forget_answers(); }

  // See carrier.hpp; written() is not needed.
  std::optional<std::string> next_output();
  void received(Bytes packet, TimePoint now) { server_.received(packet, now); }
  std::optional<TimePoint> deadline() const;
  void on_time(TimePoint now);

 private:
  void served(std::uint64_t handle, std::uint64_t offset, std::uint64_t length);
  void acknowledged();
  void hash_on();

  Service& service_;
  Carrier* carrier_;
  PullFiles files_;
  smp::Server server_;
  // Handed out last. It arrived when the device asks for something else, or asks no more.
  std::optional<PullFiles::Piece> last_;
  std::optional<TimePoint> last_due_;
  std::optional<TimePoint> opening_due_;  // the agent's answer
  bool hashing_ = false;
};

}  // namespace ferry::smp_session
