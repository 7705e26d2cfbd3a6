// One connection to a device: a non-blocking L2CAP socket on the plugin's loop. It needs no rights.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "transports/ble/advertisement.hpp"
#include "transports/loop/loop.hpp"

namespace ferry::ble {

class ChannelUser {
 public:
  virtual void connected() = 0;
  virtual void received(Bytes packet) = 0;
  // There is room again after send() was refused.
  virtual void room() = 0;
  // Nothing comes or goes any more; close() it.
  virtual void hung_up(std::string_view why) = 0;

 protected:
  ~ChannelUser() = default;
};

// On the loop's thread. Kept alive by its loop until close() has come through.
class Channel final : private loop::Waiter, public std::enable_shared_from_this<Channel> {
 public:
  // `user` must live until close().
  Channel(loop::Loop& loop, ChannelUser& user);

  // Once: to the Attribute Protocol's fixed channel. ErrorCode::io says why it cannot even be
  // tried; else connected() or hung_up() comes. How long that may take is the caller's matter.
  Status connect(const Address& adapter, const Address& device);
  // Instead of that: takes over a socket that is connected. False, and it is closed: no room to
  // watch it.
  bool adopt(int descriptor);
  // Bytes of a packet that a connected socket's other end takes.
  static std::size_t most_sent(int descriptor);
  // One packet. False: not taken, there is no room now.
  bool send(std::string_view packet);
  // The user is told nothing any more.
  void close();

 private:
  void readable() override;
  void writable() override;
  void released() override;
  void hang_up(std::string_view why);

  loop::Loop& loop_;
  loop::Watch watch_;
  ChannelUser* user_;
  bool connected_ = false;
  std::shared_ptr<Channel> self_;
};

}  // namespace ferry::ble
