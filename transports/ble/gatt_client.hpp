// The client's side of one characteristic that carries packets both ways: written without response
// there, notified from there. It finds the characteristic, agrees on the MTU and subscribes; then
// it splits what is written and hands on what is notified. No I/O and no clock: the caller carries
// packets, and ends a client that does not become ready in time.
//
//   mtu ─▶ service ─▶ characteristic ─▶ descriptor ─▶ subscribing ─▶ ready
//     └───────┴─────────────┴───────────────┴──────────────┴──▶ failed
//
// Single-threaded. The callbacks come from within received(); they may write(), not destroy.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "transports/ble/att.hpp"

namespace ferry::ble {

struct GattTarget {
  Uuid service;
  Uuid characteristic;
  std::uint16_t mtu = att::most_mtu;  // that this end can take, at least att::least_mtu
};

class GattClient {
 public:
  enum class Phase { mtu, service, characteristic, descriptor, subscribing, ready, failed };

  // `value` is told what is notified, once ready.
  GattClient(const GattTarget& target, std::function<void(Bytes)> value);

  // The next packet for the channel; nothing when there is none now.
  std::optional<std::string> next_output();
  bool has_output() const { return !output_.empty(); }
  // A whole packet from the channel. One that is none, or answers what was not asked, is left out.
  void received(Bytes packet);

  Phase phase() const { return phase_; }
  bool ready() const { return phase_ == Phase::ready; }
  bool failed() const { return phase_ == Phase::failed; }
  const std::string& failure() const { return failure_; }  // "" unless failed
  // The device wants the link to be paired or encrypted: the failure is mended by that.
  bool wants_security() const { return wants_security_; }
  std::uint16_t mtu() const { return mtu_; }
  // Bytes of one write.
  std::size_t value_size() const { return mtu_ - att::write_overhead; }

  // Queues it in as many writes as it needs. Only when ready.
  void write(std::string_view packet);

 private:
  void ask(std::string packet);
  void fail(std::string why);
  void answer(const att::Packet& packet);
  void take_error(const att::Error& error);
  void take_groups(const att::Groups& groups);
  void take_attributes(const att::Attributes& attributes);
  void take_descriptors(const att::Descriptors& descriptors);
  void seek_characteristic();
  void seek_descriptor();
  void subscribe(std::uint16_t descriptor);
  void become_ready();

  GattTarget target_;
  std::function<void(Bytes)> value_;
  Phase phase_ = Phase::mtu;
  std::string failure_;
  bool wants_security_ = false;
  std::uint16_t mtu_ = att::least_mtu;
  std::uint8_t asked_ = 0;  // opcode of the request that is not answered; 0 none
  int steps_ = 0;           // requests so far: a device that leads on for ever is given up
  att::Range service_;
  std::uint16_t next_handle_ = 0;  // from which on the search goes on
  std::uint16_t handle_ = 0;       // of the characteristic's value
  std::uint16_t end_ = 0;          // of the characteristic
  std::deque<std::string> output_;
};

}  // namespace ferry::ble
