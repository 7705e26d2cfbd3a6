// A device's characteristic by way of bluetoothd, which connects, finds it, and hands over two
// sockets for what is written and notified (BlueZ's doc/gatt-api.txt).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "transports/ble/bluez_objects.hpp"
#include "transports/ble/bluez_pairing.hpp"
#include "transports/ble/channel.hpp"
#include "transports/ble/gatt_client.hpp"
#include "transports/ble/system_bus.hpp"

namespace ferry::ble {

// On the loop's thread; held by shared pointers.
class BluezLink final : public RadioLink, public std::enable_shared_from_this<BluezLink> {
 public:
  // `device` is its path; `over` is called once, when the link is closed or down. Where `pairing`
  // is one, nothing is said before the device is paired by it.
  BluezLink(loop::Loop& loop, SystemBus& bus, const bluez::Objects& objects, BluezPairing* pairing,
            GattTarget target, std::string device, LinkEvents& events, std::function<void()> over);
  ~BluezLink() override;

  // Once. What goes wrong is told later.
  void start();
  // A property of the device is another, or it is gone.
  void changed();
  // bluetoothd is gone.
  void lost(const std::string& why) { go_down(why); }
  const std::string& device() const { return device_; }

  bool has_room() const override;
  void write(std::string_view packet) override;
  void close() override;

 private:
  enum class Phase { pairing, connecting, resolving, acquiring, up };
  // One of the two sockets.
  struct End final : ChannelUser {
    explicit End(BluezLink& owner) : link(owner) {}
    void connected() override {}
    void received(Bytes packet) override { link.received(packet); }
    void room() override { link.flush(); }
    void hung_up(std::string_view) override;

    BluezLink& link;
    std::shared_ptr<Channel> channel;
  };

  void connect();
  void secured(const PairingVerdict& verdict);
  void acquire(const char* method, End& end, void (BluezLink::*then)());
  // Why it is not up yet.
  const char* what_lacks() const;
  void acquire_write();
  void come_up();
  void received(Bytes piece);
  void flush();
  void go_down(const std::string& why);

  loop::Loop& loop_;
  SystemBus& bus_;
  const bluez::Objects& objects_;
  BluezPairing* const pairing_;  // null: it needs none
  const GattTarget target_;
  const std::string device_;
  LinkEvents* events_;  // null once it is closed or down
  std::function<void()> over_;
  Phase phase_ = Phase::pairing;
  bool was_connected_ = false;
  std::string characteristic_;
  std::size_t value_size_ = 0;
  End notified_{*this};
  End written_{*this};
  std::deque<std::string> pieces_;  // to be written
  loop::Timer timer_;               // of the way up
};

}  // namespace ferry::ble
