#include "transports/serial/session.hpp"

#include <fmt/format.h>

#include "transports/serial/pull_session.hpp"
#include "transports/serial/smp_session.hpp"
#include "transports/serial/stream_session.hpp"

namespace ferry::serial {
namespace {

constexpr std::size_t longest_id = 120;  // transport.h

}  // namespace

Session::Session(Service& service, std::string name, Milliseconds ahead)
    : service_(service),
      name_(std::move(name)),
      line_(std::make_shared<Line>(service.loop, service.settings.line, ahead, *this)),
      timer_(service.loop, [this] {
        if (!closed_) on_time(std::chrono::steady_clock::now());
      }) {}

bool Session::open(int descriptor, Ended ended) {
  ended_ = std::move(ended);
  if (!line_->open(descriptor)) return false;
  start();
  return true;
}

void Session::close() {
  if (std::exchange(closed_, true)) return;
  timer_.clear();
  line_->close();
}

void Session::hung_up(std::string_view why) {
  if (closed_) return;
  // It may have been writing when it learned this, and has to get out of there before it goes.
  service_.loop.post([alive = shared_from_this()] {});
  close();
  lost(why);
  ended_(name_, why);
}

plugin::Device Session::unknown_device() const {
  plugin::Device device;
  // The end of a long name tells more ports apart than its beginning.
  device.id = name_.size() <= longest_id ? name_ : name_.substr(name_.size() - longest_id);
  device.product = service_.settings.product;
  device.address = name_;
  return device;
}

void Session::log(int level, std::string_view text) const {
  service_.host.log(level, fmt::format("{}: {}", name_, text));
}

std::shared_ptr<Session> make_session(Service& service, const std::string& name) {
  switch (service.settings.dialect) {
    case Dialect::smp:
      return std::make_shared<SmpSession>(service, name);
    case Dialect::pull:
      return std::make_shared<PullSession>(service, name);
    case Dialect::raw:
    case Dialect::xmodem:
    case Dialect::ymodem:
      break;
  }
  return std::make_shared<StreamSession>(service, name);
}

}  // namespace ferry::serial
