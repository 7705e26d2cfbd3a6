#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "transports/ble/session.hpp"

namespace ferry::ble {
namespace {

using std::chrono::steady_clock;

// A device for which nothing can be done, and which does not go away, is left after so long: others
// may wait for the adapter.
constexpr std::chrono::seconds session_patience{15};

// The link layer loses nothing, so that what takes long is slow: waiting is cheaper than sending
// anew.
smp::ClientOptions radio_link() {
  smp::ClientOptions options;
  options.minimum_timeout = smp::Milliseconds(2000);
  return options;
}

}  // namespace

PushSession::PushSession(Service& service, const Visit& visit, Ended ended)
    : service_(service),
      visit_(visit),
      ended_(std::move(ended)),
      push_(std::make_shared<smp_session::Push>(service, *this, service.settings.push, radio_link(),
                                                unknown_device())),
      reassembler_([this](Bytes packet) { push_->received(packet, steady_clock::now()); }),
      timer_(service.loop, [this] { on_time(); }) {}

PushSession::~PushSession() {
  close();
}

plugin::Device PushSession::unknown_device() const {
  plugin::Device device;
  device.id = to_string(visit_.address);
  device.product = service_.settings.product;
  device.address = fmt::format("{} by hci{}", device.id, visit_.adapter);
  device.signal = std::min(visit_.signal, 0);
  return device;
}

void PushSession::start() {
  service_.refusals.lift(visit_.address);
  link_ = service_.radio.connect(visit_.adapter, visit_.address, *this);
  if (link_ == nullptr) end(VisitEnd::failed, Duration(0));
}

void PushSession::close() {
  ended_ = nullptr;
  push_->close();
  timer_.clear();
  if (const auto link = std::exchange(link_, nullptr)) link->close();
}

void PushSession::end(VisitEnd end, Duration linger) {
  const auto ended = std::exchange(ended_, nullptr);
  close();
  // It may be in the middle of a call of the link's, or of its own.
  if (ended)
    service_.loop.post([visit = visit_, ended, end, linger] { ended(visit, end, linger); });
}

void PushSession::up() {
  is_up_ = true;
  busy_until_ = steady_clock::now() + session_patience;
  log(FERRY_DEBUG, fmt::format("connected by hci{}", visit_.adapter));
  push_->start();
  pump();
}

void PushSession::down(std::string_view why) {
  log(is_up_ ? FERRY_INFO : FERRY_WARNING, why);
  const VisitEnd as = push_->is_returning() ? VisitEnd::returning
                      : worked_             ? VisitEnd::lost
                                            : VisitEnd::failed;
  push_->lost(why);
  end(as, Duration(0));
}

void PushSession::refused(std::string_view why) {
  log(FERRY_WARNING, fmt::format("{}; nothing was sent to it", why));
  // By its address its deliveries are known only where that stands for it.
  if (!service_.settings.push.id_by_info) {
    service_.refusals.add(visit_.address, unknown_device(), std::string(why));
  }
  end(VisitEnd::refused, service_.radio.linger());
}

void PushSession::changed() {
  push_->changed();
}

void PushSession::cancel(std::uint64_t delivery) {
  push_->cancel(delivery);
}

void PushSession::received(Bytes piece) {
  reassembler_.feed(piece);
  pump();
}

void PushSession::on_time() {
  push_->on_time(steady_clock::now());
  pump();
}

void PushSession::pump() {
  if (!is_up_ || !ended_) return;
  const TimePoint now = steady_clock::now();
  while (link_->has_room()) {
    if (std::exchange(writing_, false)) push_->written(now);
    const auto packet = push_->next_output(now);
    if (!packet) break;
    writing_ = true;
    link_->write(*packet);
  }
  judge(now);
}

// Whether there is a reason to stay.
void PushSession::judge(TimePoint now) {
  if (push_->is_working()) {
    worked_ = true;
    busy_until_ = now + session_patience;
  }
  if (push_->is_satisfied()) return leave(VisitEnd::satisfied);
  if (push_->is_idle()) return leave(VisitEnd::failed);
  if (now >= busy_until_) {
    return leave(push_->is_returning() ? VisitEnd::returning : VisitEnd::failed);
  }
  timer_.set(std::min(push_->deadline().value_or(busy_until_), busy_until_));
}

void PushSession::log(int level, std::string_view text) {
  service_.host.log(level, fmt::format("{}: {}", to_string(visit_.address), text));
}

}  // namespace ferry::ble
