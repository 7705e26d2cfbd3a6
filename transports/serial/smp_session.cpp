#include "transports/serial/smp_session.hpp"

#include <utility>

namespace ferry::serial {
namespace {

using std::chrono::steady_clock;

smp::ClientOptions console_client() {
  smp::ClientOptions options;
  options.fit = smp::fit_console;
  options.framing = smp::console_overhead;
  return options;
}

}  // namespace

SmpSession::SmpSession(Service& service, std::string name)
    : Session(service, std::move(name), smp_ahead),
      push_(std::make_shared<smp_session::Push>(service, *this, service.settings.push,
                                                console_client(), unknown_device())),
      decoder_({}, [this](Bytes packet) { push_->received(packet, steady_clock::now()); }) {}

void SmpSession::start() {
  push_->start();
  pump();
}

void SmpSession::received(Bytes bytes) {
  decoder_.feed(bytes);
  if (!is_closed()) pump();
}

void SmpSession::on_time(TimePoint now) {
  push_->on_time(now);
  pump();
}

void SmpSession::pump() {
  const auto now = steady_clock::now();
  while (line().has_room() && write_next(now)) {
  }
  if (is_closed()) return;
  if (const auto next = push_->deadline()) wake_at(*next);
}

// One console line, or what stands between two packets. False when there is nothing to write now.
bool SmpSession::write_next(TimePoint now) {
  if (position_ < encoded_.size() && push_->worth_writing()) {
    const std::size_t end = encoded_.find('\n', position_) + 1;
    line().write(std::string_view(encoded_).substr(position_, end - position_));
    position_ = end;
    return true;
  }
  encoded_.clear();
  position_ = 0;
  if (std::exchange(writing_, false)) push_->written(now);
  const std::optional<std::string> packet = push_->next_output(now);
  if (!packet) return false;
  encoded_ = smp::encode_console(as_bytes(*packet));
  writing_ = true;
  return true;
}

}  // namespace ferry::serial
