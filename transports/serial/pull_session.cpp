#include "transports/serial/pull_session.hpp"

namespace ferry::serial {
namespace {

using std::chrono::steady_clock;

// Answers that wait for the line; more requests are not heard until some have left.
constexpr std::size_t most_output = 32U << 10U;
constexpr std::size_t device_buffer = 384;

smp::ServerOptions console_server() {
  smp::ServerOptions options;
  options.answer_limit = smp::fit_console(device_buffer - smp::console_overhead);
  return options;
}

}  // namespace

PullSession::PullSession(Service& service, std::string name)
    : Session(service, name, smp_ahead),
      pull_(std::make_shared<smp_session::Pull>(
          service, *this,
          smp_session::PullSettings{service.settings.profiles, service.settings.product},
          console_server(), std::move(name))),
      decoder_({}, [this](Bytes packet) { asked(packet); }) {}

void PullSession::received(Bytes bytes) {
  decoder_.feed(bytes);
  if (!is_closed()) pump();
}

void PullSession::asked(Bytes packet) {
  if (output_.size() - position_ < most_output) pull_->received(packet, steady_clock::now());
}

void PullSession::on_time(TimePoint now) {
  pull_->on_time(now);
  pump();
}

void PullSession::stirred() {
  if (!is_closed()) pump();
}

void PullSession::pump() {
  while (const std::optional<std::string> answer = pull_->next_output()) {
    output_ += smp::encode_console(as_bytes(*answer));
  }
  while (position_ < output_.size() && line().has_room()) {
    const std::size_t end = output_.find('\n', position_) + 1;
    line().write(std::string_view(output_).substr(position_, end - position_));
    position_ = end;
  }
  if (position_ == output_.size()) {
    output_.clear();
    position_ = 0;
  }
  if (is_closed()) return;
  if (const auto next = pull_->deadline()) wake_at(*next);
}

}  // namespace ferry::serial
