#include "transports/udp/yaota_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ferry::udp {
namespace {

using std::chrono::steady_clock;

constexpr Duration retry_pause{5000};  // after the agent had no answer

std::string why(YaotaEnd end) {
  switch (end) {
    case YaotaEnd::no_device:
      return "nobody answers; is the device in its bootloader?";
    case YaotaEnd::no_answer:
      return "the device does not answer any more";
    case YaotaEnd::unreadable:
      return "cannot be read here";
    case YaotaEnd::stopped:
      return "cancelled";
    case YaotaEnd::done:
      break;
  }
  return "";
}

int outcome_of(YaotaEnd end) {
  if (end == YaotaEnd::done) return FERRY_TRANSFERRED;
  return end == YaotaEnd::unreadable ? FERRY_FAILED : FERRY_LOST;
}

}  // namespace

void YaotaSession::changed() {
  wanted_ = true;
  if (phase_ == Phase::resting) ask();
}

void YaotaSession::cancel(std::uint64_t delivery) {
  if (delivery_ != delivery || !sender_) return;
  sender_->stop();
  stirred();
}

void YaotaSession::rest(Duration time) {
  phase_ = Phase::resting;
  due_ = steady_clock::now() + time;
  wake_at(due_);
}

void YaotaSession::ask() {
  phase_ = Phase::asking;
  due_.reset();
  wanted_ = false;
  service_.host.device_seen(device_);
  service_.host.next(device_, {}, guarded([this](int result, const plugin::Step* step) {
                       take_step(result, step);
                     }));
}

void YaotaSession::take_step(int result, const plugin::Step* step) {
  if (result == FERRY_NOT_FOUND && wanted_) return ask();  // something changed meanwhile
  if (result == FERRY_NOT_FOUND) {
    phase_ = Phase::resting;
    return wake_at(std::nullopt);
  }
  if (result != FERRY_OK) return rest(retry_pause);
  delivery_ = step->offer.delivery;
  if (step->step == FERRY_TRANSFER) return begin(step->offer);
  // It starts what it got by itself, and knows no trial.
  finish(step->step == FERRY_ACTIVATE ? FERRY_ACTIVATED : FERRY_CONFIRMED, "");
}

void YaotaSession::begin(const plugin::Offer& offer) {
  const auto found =
      std::find_if(offer.artifacts.begin(), offer.artifacts.end(),
                   [](const plugin::Artifact& artifact) { return artifact.role == "firmware"; });
  if (found == offer.artifacts.end()) {
    return finish(FERRY_FAILED, "the release has no firmware image");
  }
  artifact_ = *found;
  reported_ = 0;
  std::array<std::byte, formats::yaota_magic_size> beginning{};
  const bool long_enough = artifact_.length > beginning.size();
  if (long_enough &&
      service_.host.read(artifact_.handle, 0, beginning.data(), beginning.size()) != FERRY_OK) {
    return finish(FERRY_FAILED, artifact_.name + ": cannot be read here");
  }
  if (!long_enough || !formats::is_yaota(beginning)) {
    return finish(FERRY_REFUSED_IMAGE,
                  artifact_.name + ": is no signed container of yaota8266 (.ota)");
  }
  YaotaFile file;
  file.size = artifact_.length;
  file.read = [this](std::uint64_t offset, std::span<std::byte> out) {
    return service_.host.read(artifact_.handle, offset, out.data(), out.size()) == FERRY_OK;
  };
  phase_ = Phase::sending;
  sender_.emplace(std::move(file), service_.settings.push.probe_timeout, steady_clock::now());
  stirred();
}

void YaotaSession::take(Bytes datagram, TimePoint now) {
  if (sender_) sender_->received(datagram, now);
  stirred();
}

void YaotaSession::on_time(TimePoint now) {
  if (phase_ == Phase::resting && due_ && now >= *due_) return ask();
  if (sender_) sender_->on_time(now);
  stirred();
}

void YaotaSession::stirred() {
  if (!sender_) return;
  while (const auto packet = sender_->next_output(steady_clock::now())) send(*packet);
  report();
  if (!sender_->ended()) return wake_at(sender_->deadline());
  const YaotaEnd end = *sender_->ended();
  log(FERRY_DEBUG, fmt::format("{} packets, {} of them again", sender_->counts().packets,
                               sender_->counts().repeated));
  sender_.reset();
  finish(outcome_of(end), why(end));
}

void YaotaSession::report() {
  const std::uint64_t reached = std::min(sender_->acknowledged(), artifact_.length);
  if (reached <= reported_) return;
  service_.host.progress(device_, artifact_.handle, reported_, reached - reported_);
  reported_ = reached;
}

void YaotaSession::finish(int outcome, const std::string& detail) {
  phase_ = Phase::telling;
  wake_at(std::nullopt);
  if (!detail.empty()) log(FERRY_INFO, detail);
  const std::uint64_t delivery = *std::exchange(delivery_, std::nullopt);
  service_.host.outcome(device_, delivery, outcome, detail, guarded([this, outcome](int) {
                          // What was transferred may have to be brought further.
                          const bool onwards =
                              outcome == FERRY_TRANSFERRED || outcome == FERRY_ACTIVATED;
                          rest(onwards ? Duration(0) : service_.settings.push.poll_interval);
                        }));
}

}  // namespace ferry::udp
