#include "transports/ble/bluez_link.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

namespace ferry::ble {
namespace {

using std::chrono::steady_clock;

// bluetoothd waits for a device as long as the kernel does, 20 to 40 s, and then asks for all that
// it has.
constexpr std::chrono::seconds connect_time{60};
// Once there is a connection, for all of its services. One that stalls in between was seen now and
// then; a new connection is sooner there.
constexpr std::chrono::seconds services_time{20};

}  // namespace

BluezLink::BluezLink(loop::Loop& loop, SystemBus& bus, const bluez::Objects& objects,
                     BluezPairing* pairing, GattTarget target, std::string device,
                     LinkEvents& events, std::function<void()> over)
    : loop_(loop),
      bus_(bus),
      objects_(objects),
      pairing_(pairing),
      target_(target),
      device_(std::move(device)),
      events_(&events),
      over_(std::move(over)),
      timer_(loop, [this] { go_down(what_lacks()); }) {}

BluezLink::~BluezLink() {
  BluezLink::close();
}

void BluezLink::start() {
  timer_.set(steady_clock::now() + connect_time);
  if (pairing_ == nullptr) return connect();
  pairing_->secure(device_, [weak = weak_from_this()](const PairingVerdict& verdict) {
    const auto self = weak.lock();
    if (self && self->events_ != nullptr) self->secured(verdict);
  });
}

void BluezLink::secured(const PairingVerdict& verdict) {
  if (verdict.end == PairingEnd::paired) return connect();
  if (verdict.end == PairingEnd::failed) return go_down(verdict.why);
  LinkEvents* const events = events_;
  close();
  events->refused(verdict.why);
}

void BluezLink::connect() {
  phase_ = Phase::connecting;
  bus_.call(
      bluez::daemon_name, device_, bluez::device_interface, "Connect", {},
      [weak = weak_from_this()](sd_bus_message*, const SystemBus::Error& error) {
        const auto self = weak.lock();
        if (!self || self->events_ == nullptr) return;
        if (!error.text.empty()) return self->go_down(error.text);
        if (self->phase_ == Phase::connecting) self->phase_ = Phase::resolving;
        self->changed();
      },
      connect_time);
}

void BluezLink::changed() {
  if (events_ == nullptr) return;
  if (phase_ == Phase::pairing) return;  // which tells how it ended
  const bool paired = objects_.is(device_, bluez::device_interface, "Paired");
  if (pairing_ != nullptr && !paired) return go_down("its bond is gone");
  const bool connected = objects_.is(device_, bluez::device_interface, "Connected");
  if (was_connected_ && !connected) return go_down("the device ended the link");
  if (connected && !std::exchange(was_connected_, connected)) {
    timer_.set(steady_clock::now() + services_time);
  }
  const bool resolved = objects_.is(device_, bluez::device_interface, "ServicesResolved");
  if (phase_ != Phase::resolving || !connected || !resolved) return;
  characteristic_ = objects_.characteristic(device_, target_.service, target_.characteristic);
  if (characteristic_.empty()) return go_down("it has no service that carries packets");
  phase_ = Phase::acquiring;
  acquire("AcquireNotify", notified_, &BluezLink::acquire_write);
}

const char* BluezLink::what_lacks() const {
  switch (phase_) {
    case Phase::pairing:
      return "it is not paired in time";
    case Phase::connecting:
      return "it does not take the connection";
    case Phase::resolving:
      return "bluetoothd does not find its services in time";
    default:
      return "bluetoothd does not hand its characteristic over";
  }
}

void BluezLink::acquire_write() {
  acquire("AcquireWrite", written_, &BluezLink::come_up);
}

void BluezLink::acquire(const char* method, End& end, void (BluezLink::*then)()) {
  const auto no_options = [](sd_bus_message* call) { sd_bus_message_append(call, "a{sv}", 0); };
  bus_.call(
      bluez::daemon_name, characteristic_, bluez::characteristic_interface, method, no_options,
      [weak = weak_from_this(), &end, then](sd_bus_message* answer, const SystemBus::Error& error) {
        const auto self = weak.lock();
        if (!self || self->events_ == nullptr) return;
        if (answer == nullptr) return self->go_down(error.text);
        int borrowed = -1;
        std::uint16_t mtu = 0;
        const bool read = sd_bus_message_read(answer, "hq", &borrowed, &mtu) >= 0;
        const int descriptor = read ? ::fcntl(borrowed, F_DUPFD_CLOEXEC, 0) : -1;
        end.channel = std::make_shared<Channel>(self->loop_, end);
        if (descriptor < 0 || !end.channel->adopt(descriptor)) {
          return self->go_down("no room to watch the link");
        }
        self->value_size_ = std::max(mtu, att::least_mtu) - att::write_overhead;
        ((*self).*then)();
      },
      connect_time);
}

void BluezLink::come_up() {
  phase_ = Phase::up;
  timer_.clear();
  events_->up();
}

void BluezLink::End::hung_up(std::string_view) {
  link.go_down("the device ended the link");
}

void BluezLink::received(Bytes piece) {
  if (events_ != nullptr && phase_ == Phase::up) events_->received(piece);
}

bool BluezLink::has_room() const {
  return events_ != nullptr && phase_ == Phase::up && pieces_.empty();
}

void BluezLink::write(std::string_view packet) {
  for (std::size_t at = 0; at < packet.size(); at += value_size_) {
    pieces_.emplace_back(packet.substr(at, value_size_));
  }
  while (!pieces_.empty() && written_.channel->send(pieces_.front())) pieces_.pop_front();
}

void BluezLink::flush() {
  const auto self = shared_from_this();
  while (!pieces_.empty() && written_.channel->send(pieces_.front())) pieces_.pop_front();
  if (has_room()) events_->room();
}

void BluezLink::close() {
  if (events_ == nullptr) return;
  events_ = nullptr;
  timer_.clear();
  for (End* end : {&notified_, &written_}) {
    if (end->channel) end->channel->close();
  }
  bus_.call(bluez::daemon_name, device_, bluez::device_interface, "Disconnect", {},
            [](sd_bus_message*, const SystemBus::Error&) {});
  std::exchange(over_, nullptr)();
}

void BluezLink::go_down(const std::string& why) {
  if (events_ == nullptr) return;
  const auto self = shared_from_this();
  LinkEvents* const events = events_;
  close();
  events->down(why);
}

}  // namespace ferry::ble
