// A device that has connected to the gateway and asks, over one of two kinds of links: Ferry's
// characteristic, or a credit-based channel. Both carry SMP packets in pieces.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "transports/ble/channel.hpp"
#include "transports/ble/gatt_server.hpp"
#include "transports/ble/radio.hpp"
#include "transports/smp/reassembler.hpp"
#include "transports/smp_session/pull.hpp"

namespace ferry::ble {

// On the loop's thread; held by a shared pointer.
class PullVisit final : public ChannelUser,
                        public smp_session::Carrier,
                        public std::enable_shared_from_this<PullVisit> {
 public:
  // Called once, from the loop; the visit is of no use afterwards.
  using Ended = std::function<void(const PullVisit* visit)>;

  PullVisit(smp_session::Service& service, const smp_session::PullSettings& settings,
            const Address& device, Ended ended);
  ~PullVisit();
  PullVisit(const PullVisit&) = delete;
  PullVisit& operator=(const PullVisit&) = delete;

  // One of the two, once, with the connected socket, which it takes over. False: no room to watch
  // it. `psm` as of GattServer.
  bool start_attributes(int descriptor, std::uint16_t psm);
  bool start_packets(int descriptor);
  // Or without one: pieces of `size` bytes go out by `send`, and come in by take().
  void start_pieces(std::size_t size, std::function<void(std::string_view piece)> send);
  void take(Bytes piece) { received(piece); }
  const std::string& device() const { return device_; }
  TimePoint heard_at() const { return heard_at_; }
  // Nothing is told any more.
  void close();

  // As in transport.h.
  void changed() { pull_->changed(); }

 private:
  void connected() override {}
  void received(Bytes packet) override;
  void room() override { pump(); }
  void hung_up(std::string_view why) override;
  void stirred() override { pump(); }
  void log(int level, std::string_view text) override;

  void make_pull(std::size_t answer_limit);
  bool start(int descriptor);
  bool send(const std::string& piece);
  void asked(Bytes packet);
  void refill();
  void pump();
  void on_time();
  void end(std::string_view why);

  smp_session::Service& service_;
  const smp_session::PullSettings settings_;
  const std::string device_;  // its address
  Ended ended_;               // empty once it has ended
  const std::shared_ptr<Channel> channel_;
  std::shared_ptr<smp_session::Pull> pull_;
  smp::Reassembler reassembler_;
  std::optional<GattServer> gatt_;              // over the characteristic
  std::function<void(std::string_view)> send_;  // in place of the channel
  std::size_t piece_size_ = 0;                  // where there is no GattServer to split
  std::deque<std::string> pieces_;              // that were not sent yet
  std::size_t unanswered_ = 0;                  // packets since one was sent
  TimePoint heard_at_{};
  loop::Timer timer_;
};

}  // namespace ferry::ble
