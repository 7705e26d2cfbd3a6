#include "transports/smp_session/pull.hpp"

#include <utility>

namespace ferry::smp_session {
namespace {

using std::chrono::steady_clock;

// A device that lost the last answer would have asked again by then.
constexpr smp::Milliseconds silence_after_the_last{1000};

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
    smp::ServerOptions options, std::function<void()> refused,
    std::function<void(std::uint64_t, std::uint64_t, std::uint64_t)> served) {
  options.refused = std::move(refused);
  options.images = [] { return std::vector{this_gateway()}; };
  options.served = [served = std::move(served)](std::string_view, std::uint64_t handle,
                                                std::uint64_t offset, std::uint64_t length) {
    served(handle, offset, length);
  };
  return options;
}

}  // namespace

Pull::Pull(Service& service, Carrier& carrier, const PullSettings& settings,
           smp::ServerOptions link, std::string peer)
    : service_(service),
      carrier_(&carrier),
      files_(service, settings, std::move(peer),
             [this] {
               if (carrier_ != nullptr) carrier_->stirred();
             }),
      server_(server_options(
                  std::move(link), [this] { service_.host.count(FERRY_REFUSALS); },
                  [this](std::uint64_t handle, std::uint64_t offset, std::uint64_t length) {
                    served(handle, offset, length);
                  }),
              files_) {}

std::optional<std::string> Pull::next_output() {
  std::optional<std::string> answer = server_.next_output();
  if (!answer) {
    hash_on();
    opening_due_ = files_.expire(steady_clock::now());
    // What expired was answered just now.
    answer = server_.next_output();
  }
  if (answer) service_.host.count(FERRY_REQUESTS);
  return answer;
}

void Pull::served(std::uint64_t handle, std::uint64_t offset, std::uint64_t length) {
  std::optional<PullFiles::Piece> piece = files_.piece(handle, offset, length);
  const bool again = piece && last_ && piece->handle == last_->handle &&
                     piece->offset == last_->offset && piece->length == last_->length;
  if (!again) acknowledged();
  last_ = std::move(piece);
  if (last_) last_due_ = steady_clock::now() + silence_after_the_last;
}

void Pull::acknowledged() {
  if (last_) service_.host.progress(last_->device, last_->handle, last_->offset, last_->length);
  last_.reset();
  last_due_.reset();
}

std::optional<TimePoint> Pull::deadline() const {
  return last_due_ && (!opening_due_ || *last_due_ < *opening_due_) ? last_due_ : opening_due_;
}

void Pull::on_time(TimePoint now) {
  if (last_due_ && now >= *last_due_) acknowledged();
}

// Hashing a large content must not keep the others waiting.
void Pull::hash_on() {
  if (hashing_ || !server_.hashing()) return;
  hashing_ = true;
  service_.loop.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->carrier_ == nullptr) return;
    self->hashing_ = false;
    self->server_.step();
    self->carrier_->stirred();
  });
}

}  // namespace ferry::smp_session
