// A device's characteristic over the kernel's own sockets: a GattClient on a Channel.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "transports/ble/channel.hpp"
#include "transports/ble/gatt_client.hpp"
#include "transports/ble/radio.hpp"

namespace ferry::ble {

// On the loop's thread; held by shared pointers.
class KernelLink final : public RadioLink,
                         private ChannelUser,
                         public std::enable_shared_from_this<KernelLink> {
 public:
  // `over` is called once, when it is closed or down; whether it ever was connected.
  KernelLink(loop::Loop& loop, const GattTarget& target, LinkEvents& events,
             std::function<void(bool connected)> over);
  ~KernelLink() override;

  // Once. What goes wrong is told later.
  void start(const Address& adapter, const Address& device);

  bool has_room() const override;
  void write(std::string_view packet) override;
  void close() override;

 private:
  void connected() override;
  void received(Bytes packet) override;
  void room() override;
  void hung_up(std::string_view why) override { go_down(std::string(why)); }
  void on_time();
  void flush();
  void go_down(const std::string& why);

  loop::Loop& loop_;
  LinkEvents* events_;  // null once it is closed or down
  std::function<void(bool)> over_;
  GattClient gatt_;
  std::shared_ptr<Channel> channel_;
  loop::Timer timer_;                // of the way up
  std::optional<std::string> held_;  // that the kernel did not take
  std::deque<std::string> values_;   // that were notified and are not handed on
  bool is_connected_ = false;
  bool is_up_ = false;
};

}  // namespace ferry::ble
