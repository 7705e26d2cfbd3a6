#include "transports/ble/kernel_link.hpp"

#include <fmt/format.h>

#include <utility>

namespace ferry::ble {
namespace {

using std::chrono::steady_clock;

// A device that was just seen advertises several times in this; the kernel itself waits for 40 s.
constexpr std::chrono::seconds kernel_connect_time{15};
// For some five questions. A peer may take 30 s for each (Core 5.3, volume 3, part F, 3.3.3), but
// who needs that long is of no use.
constexpr std::chrono::seconds discovery_time{10};

}  // namespace

KernelLink::KernelLink(loop::Loop& loop, const GattTarget& target, LinkEvents& events,
                       std::function<void(bool connected)> over)
    : loop_(loop),
      events_(&events),
      over_(std::move(over)),
      gatt_(target, [this](Bytes value) { values_.emplace_back(as_text(value)); }),
      channel_(std::make_shared<Channel>(loop, static_cast<ChannelUser&>(*this))),
      timer_(loop, [this] { on_time(); }) {}

KernelLink::~KernelLink() {
  KernelLink::close();
}

void KernelLink::start(const Address& adapter, const Address& device) {
  timer_.set(steady_clock::now() + kernel_connect_time);
  if (const Status begun = channel_->connect(adapter, device); !begun) {
    loop_.post([weak = weak_from_this(), why = begun.error().message] {
      if (const auto self = weak.lock()) self->go_down(why);
    });
  }
}

void KernelLink::close() {
  if (events_ == nullptr) return;
  events_ = nullptr;
  timer_.clear();
  channel_->close();
  std::exchange(over_, nullptr)(is_connected_);
}

void KernelLink::go_down(const std::string& why) {
  if (events_ == nullptr) return;
  const auto self = shared_from_this();
  LinkEvents* const events = events_;
  close();
  events->down(why);
}

void KernelLink::on_time() {
  go_down(is_connected_ ? "it does not answer what is asked of its services"
                        : "it does not take the connection");
}

void KernelLink::connected() {
  is_connected_ = true;
  timer_.set(steady_clock::now() + discovery_time);
  flush();
}

void KernelLink::received(Bytes packet) {
  const auto self = shared_from_this();
  gatt_.received(packet);
  if (gatt_.failed()) {
    const char* const unpaired =
        gatt_.wants_security() ? "; this transport speaks to devices without pairing" : "";
    return go_down(gatt_.failure() + unpaired);
  }
  flush();
  if (gatt_.ready() && !std::exchange(is_up_, true)) {
    timer_.clear();
    events_->up();
  }
  while (events_ != nullptr && !values_.empty()) {
    const std::string value = std::move(values_.front());
    values_.pop_front();
    events_->received(as_bytes(value));
  }
}

bool KernelLink::has_room() const {
  return events_ != nullptr && is_up_ && !held_ && !gatt_.has_output();
}

void KernelLink::write(std::string_view packet) {
  gatt_.write(packet);
  flush();
}

void KernelLink::flush() {
  while (events_ != nullptr) {
    if (!held_) held_ = gatt_.next_output();
    if (!held_ || !channel_->send(*held_)) return;
    held_.reset();
  }
}

void KernelLink::room() {
  const auto self = shared_from_this();
  flush();
  if (has_room()) events_->room();
}

}  // namespace ferry::ble
