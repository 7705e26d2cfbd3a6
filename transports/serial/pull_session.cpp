#include "transports/serial/pull_session.hpp"

namespace ferry::serial {
namespace {

using std::chrono::steady_clock;

constexpr Milliseconds ahead{25};
// A device that lost the last answer would have asked again by then.
constexpr Milliseconds silence_after_the_last{1000};
// Answers that wait for the line; more requests are not heard until some have left.
constexpr std::size_t most_output = 32U << 10U;
constexpr std::size_t device_buffer = 384;

// What tools that look at devices see here: the gateway as one, running its own release.
smp::ImageSlot this_gateway() {
  smp::ImageSlot slot;
  slot.version = FERRY_VERSION;
  slot.bootable = true;
  slot.active = true;
  slot.confirmed = true;
  return slot;
}

smp::ServerOptions server_options(
    std::function<void(std::uint64_t, std::uint64_t, std::uint64_t)> served) {
  smp::ServerOptions options;
  options.answer_limit = smp::fit_console(device_buffer - smp::console_overhead);
  options.images = [] { return std::vector{this_gateway()}; };
  options.served = [served = std::move(served)](std::string_view, std::uint64_t handle,
                                                std::uint64_t offset, std::uint64_t length) {
    served(handle, offset, length);
  };
  return options;
}

}  // namespace

PullSession::PullSession(Service& service, std::string name)
    : Session(service, name, ahead),
      files_(service, std::move(name),
             [this] {
               if (!is_closed()) pump();
             }),
      server_(server_options([this](std::uint64_t handle, std::uint64_t offset,
                                    std::uint64_t length) { served(handle, offset, length); }),
              files_),
      decoder_({}, [this](Bytes packet) { asked(packet); }) {}

void PullSession::received(Bytes bytes) {
  decoder_.feed(bytes);
  if (!is_closed()) pump();
}

void PullSession::asked(Bytes packet) {
  if (output_.size() - position_ < most_output) server_.received(packet, steady_clock::now());
}

void PullSession::served(std::uint64_t handle, std::uint64_t offset, std::uint64_t length) {
  std::optional<PullFiles::Piece> piece = files_.piece(handle, offset, length);
  const bool again = piece && last_ && piece->handle == last_->handle &&
                     piece->offset == last_->offset && piece->length == last_->length;
  if (!again) acknowledged();
  last_ = std::move(piece);
  if (last_) last_due_ = steady_clock::now() + silence_after_the_last;
}

void PullSession::acknowledged() {
  if (last_) service_.host.progress(last_->device, last_->handle, last_->offset, last_->length);
  last_.reset();
  last_due_.reset();
}

void PullSession::on_time(TimePoint now) {
  if (last_due_ && now >= *last_due_) acknowledged();
  pump();
}

// Hashing a large content must not keep the other lines waiting.
void PullSession::hash_on() {
  if (hashing_ || !server_.hashing()) return;
  hashing_ = true;
  service_.loop.post(guarded(this, [this] {
    hashing_ = false;
    server_.step();
    pump();
  }));
}

void PullSession::pump() {
  while (const std::optional<std::string> answer = server_.next_output()) {
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
  hash_on();
  std::optional<TimePoint> next = files_.expire(steady_clock::now());
  if (last_due_ && (!next || *last_due_ < *next)) next = last_due_;
  if (next) wake_at(*next);
}

}  // namespace ferry::serial
