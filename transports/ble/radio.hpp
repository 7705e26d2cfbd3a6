// The radio as the transport sees it: it scans, and connects to the characteristic of a device that
// carries packets. kernel_radio.hpp is the one over the kernel's own sockets. All on the loop's
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "transports/ble/advertisement.hpp"
#include "transports/ble/gatt_client.hpp"

namespace ferry::ble {

using TimePoint = std::chrono::steady_clock::time_point;
using AdapterNumber = std::uint16_t;  // of hci0, hci1, …

// What a link tells. May be called from within no call of the link's own but on_time of the loop;
// so they may write(), close(), and let go of the link.
class LinkEvents {
 public:
  // Connected and subscribed: packets can go both ways.
  virtual void up() = 0;
  // A piece of what the device sends; the link does not know where packets end.
  virtual void received(Bytes piece) = 0;
  // There is room again after has_room() was false.
  virtual void room() = 0;
  // It never came up, or is gone. Nothing is told afterwards.
  virtual void down(std::string_view why) = 0;
  // Instead of down(): it cannot be secured as demanded, so nothing was said to the device.
  virtual void refused(std::string_view why) = 0;

 protected:
  ~LinkEvents() = default;
};

class RadioLink {
 public:
  virtual ~RadioLink() = default;

  // True: write() what comes next; false: room() will come. False until it is up.
  virtual bool has_room() const = 0;
  // One packet, of any length.
  virtual void write(std::string_view packet) = 0;
  // Nothing is told any more.
  virtual void close() = 0;
};

class RadioEvents {
 public:
  // What was opened is of no use any more: the radio is closed, and wants to be opened anew.
  virtual void port_lost() = 0;
  virtual void found(AdapterNumber adapter, const Advertisement& advertisement) = 0;
  // adapters() is another list, or trouble() another text.
  virtual void adapters_changed() = 0;
  // A device has written a piece to the service that the radio answers for. False: not now.
  virtual bool written(const Address& /*device*/, std::size_t /*mtu*/, Bytes /*piece*/) {
    return false;
  }

 protected:
  ~RadioEvents() = default;
};

// What adapters do as long as they have no link: scan for devices whose characteristic links reach,
// or advertise a service of the gateway's.
using Duty = std::variant<GattTarget, Uuid>;

class Radio {
 public:
  using Logger = std::function<void(int level, const std::string& text)>;

  virtual ~Radio() = default;

  // The name by which the agent knows what is to be opened (formats/port_names.hpp).
  virtual std::string_view port() const = 0;
  // Takes over the descriptor of that name. False, and it is closed: no room to watch it.
  virtual bool open(int descriptor) = 0;
  // What it needs besides, by such a name. False: nothing of that name, and it was not taken.
  virtual bool open_more(std::string_view /*name*/, int /*descriptor*/) { return false; }
  virtual void close() = 0;
  virtual bool is_open() const = 0;

  // Those that can be used now, and advertise where that is their duty.
  virtual std::vector<AdapterNumber> adapters() const = 0;
  // Why others cannot, for people; "" when there is nothing to say.
  virtual std::string trouble() const = 0;
  // Scans on an adapter as long as it has no link, since both share the air. `events` must live
  // until the link is closed or down. Null: no such adapter any more.
  virtual std::shared_ptr<RadioLink> connect(AdapterNumber adapter, const Address& address,
                                             LinkEvents& events) = 0;
  // Where the gateway offers a service: whether the radio answers for its attributes; whoever uses
  // the radio listens on their channel otherwise.
  virtual bool answers_attributes() const = 0;
  // Of that service: the PSM as of GattServer, and a piece to be notified.
  virtual void set_channel(std::uint16_t psm) = 0;
  virtual void notify(std::string_view piece) = 0;
  // For so long a link that was closed still holds the device and the adapter's connection.
  virtual Duration linger() const = 0;
};

}  // namespace ferry::ble
