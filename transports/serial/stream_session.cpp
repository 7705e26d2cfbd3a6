#include "transports/serial/stream_session.hpp"

#include <algorithm>
#include <array>

namespace ferry::serial {
namespace {

using std::chrono::steady_clock;

// A raw stream must not stall; a modem's block is answered before the next one.
constexpr Milliseconds raw_ahead{350};
constexpr Milliseconds modem_ahead{25};
constexpr Milliseconds retry_pause{5000};  // after the agent had no answer
constexpr Milliseconds again_pause{500};   // after a failure
constexpr Milliseconds drain_look{20};
constexpr Milliseconds prompt_silence{300};  // before a receiver's question
constexpr std::size_t longest_text = 256;    // of the device's that is kept
constexpr std::size_t prefetched = 64U << 10U;
constexpr std::size_t piece_size = 512;

std::string why(ModemEnd end) {
  switch (end) {
    case ModemEnd::no_receiver:
      return "nobody asks for the file";
    case ModemEnd::no_answer:
      return "the receiver does not answer";
    case ModemEnd::cancelled:
      return "the receiver cancelled";
    case ModemEnd::unreadable:
      return "cannot be read here";
    case ModemEnd::stopped:
      return "cancelled";
    case ModemEnd::done:
      break;
  }
  return "";
}

int outcome_of(ModemEnd end) {
  switch (end) {
    case ModemEnd::done:
      return FERRY_TRANSFERRED;
    case ModemEnd::cancelled:
    case ModemEnd::unreadable:
      return FERRY_FAILED;
    default:
      return FERRY_LOST;
  }
}

}  // namespace

StreamSession::StreamSession(Service& service, std::string name)
    : Session(service, std::move(name),
              service.settings.dialect == Dialect::raw ? raw_ahead : modem_ahead),
      device_(unknown_device()) {}

void StreamSession::start() {
  if (is_told() && is_raw()) ask_step();
}

void StreamSession::lost(std::string_view reason) {
  if (!delivery_) return;
  service_.host.outcome(device_, *delivery_, FERRY_LOST, std::string(reason));
}

void StreamSession::changed() {
  wanted_ = true;
  if (is_told() && is_raw() && phase_ == Phase::resting) ask_step();
}

void StreamSession::cancel(std::uint64_t delivery) {
  if (delivery_ != delivery) return;
  if (modem_) {
    modem_->stop();
    block_.clear();
    block_position_ = 0;
    return pump();
  }
  line().discard();
  finish(FERRY_LOST, "cancelled");
}

void StreamSession::received(Bytes bytes) {
  if (modem_) {
    modem_->received(bytes, steady_clock::now());
    return pump();
  }
  listen(bytes);
}

// What the device says while nothing is under way.
void StreamSession::listen(Bytes bytes) {
  const bool prompt = is_prompt(bytes);
  heard_ += as_text(bytes);
  const bool asks = is_told() ? prompt && !is_raw() : heard_trigger();
  const std::size_t kept = std::max(longest_text, service_.settings.trigger.size());
  if (heard_.size() > kept) heard_.erase(0, heard_.size() - kept);
  if (!asks || phase_ != Phase::resting) return;
  heard_.clear();
  if (is_told()) {
    ask_step();
  } else {
    ask_offer();
  }
}

bool StreamSession::heard_trigger() const {
  return heard_.find(service_.settings.trigger) != std::string::npos;
}

// A receiver that waits for a file says so every few seconds, and nothing else.
bool StreamSession::is_prompt(Bytes bytes) {
  const auto now = steady_clock::now();
  const bool after_silence = now - std::exchange(heard_at_, now) >= prompt_silence;
  return after_silence && std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) {
           const char c = static_cast<char>(byte);
           return c == modem_ask_crc || c == modem_refuse;
         });
}

void StreamSession::ask_offer() {
  phase_ = Phase::asking;
  service_.host.offer(device_, {}, guarded(this, [this](int result, const plugin::Offer* offer) {
                        if (result == FERRY_OK) return begin(*offer);
                        log(FERRY_INFO, result == FERRY_NOT_FOUND
                                            ? "the device asks, and there is nothing for it"
                                            : "the device asks, and the agent has no answer now");
                        phase_ = Phase::resting;
                      }));
}

void StreamSession::ask_step() {
  phase_ = Phase::asking;
  wanted_ = false;
  service_.host.device_seen(device_);
  service_.host.next(device_, {}, guarded(this, [this](int result, const plugin::Step* step) {
                       take_step(result, step);
                     }));
}

void StreamSession::take_step(int result, const plugin::Step* step) {
  phase_ = Phase::resting;
  if (result == FERRY_NOT_FOUND && wanted_ && is_raw()) return ask_step();
  if (result != FERRY_OK) {
    asks_again_ = result != FERRY_NOT_FOUND;
    if (asks_again_) wake_at(steady_clock::now() + retry_pause);
    return;
  }
  if (step->step == FERRY_TRANSFER) return begin(step->offer);
  // What takes a stream starts it by itself, and knows no trial.
  delivery_ = step->offer.delivery;
  finish(step->step == FERRY_ACTIVATE ? FERRY_ACTIVATED : FERRY_CONFIRMED, "");
}

void StreamSession::begin(const plugin::Offer& offer) {
  delivery_ = offer.delivery;
  const auto found =
      std::find_if(offer.artifacts.begin(), offer.artifacts.end(),
                   [](const plugin::Artifact& artifact) { return artifact.role == "firmware"; });
  if (found == offer.artifacts.end()) return finish(FERRY_FAILED, "there is no firmware image");
  artifact_ = *found;
  phase_ = Phase::sending;
  reported_ = read_ = 0;
  ahead_.clear();
  position_ = 0;
  before_ = line().written();
  if (!is_raw()) {
    ModemFile file;
    file.batch = service_.settings.dialect == Dialect::ymodem;
    file.name = "firmware.bin";
    file.size = artifact_.length;
    file.read = [this](std::uint64_t offset, std::span<std::byte> out) {
      return service_.host.read(artifact_.handle, offset, out.data(), out.size()) == FERRY_OK;
    };
    modem_ = std::make_unique<Modem>(std::move(file), steady_clock::now());
  }
  pump();
}

void StreamSession::on_time(TimePoint now) {
  if (phase_ == Phase::resting && std::exchange(asks_again_, false)) return ask_step();
  if (modem_) modem_->on_time(now);
  pump();
}

void StreamSession::pump() {
  if (modem_) return pump_modem();
  if (phase_ == Phase::sending || phase_ == Phase::draining) pump_raw();
}

// Reads on before what is there has been used up. False: it cannot be read.
bool StreamSession::prefetch() {
  if (ahead_.size() - position_ >= prefetched / 2 || read_ == artifact_.length) return true;
  ahead_.erase(0, position_);
  position_ = 0;
  const auto size = static_cast<std::size_t>(
      std::min<std::uint64_t>(prefetched - ahead_.size(), artifact_.length - read_));
  const std::size_t end = ahead_.size();
  ahead_.resize(end + size);
  if (service_.host.read(artifact_.handle, read_, ahead_.data() + end, size) != FERRY_OK) {
    return false;
  }
  read_ += size;
  return true;
}

void StreamSession::pump_raw() {
  while (phase_ == Phase::sending && line().has_room()) {
    if (!prefetch()) {
      line().discard();
      return finish(FERRY_FAILED, artifact_.name + ": cannot be read here");
    }
    const std::string_view piece = std::string_view(ahead_).substr(position_, piece_size);
    position_ += piece.size();
    line().write(piece);
    if (position_ == ahead_.size() && read_ == artifact_.length) {
      phase_ = Phase::draining;
      heard_.clear();  // what comes from now on may be said after the last byte
    }
  }
  if (is_closed()) return;
  const auto now = steady_clock::now();
  const std::uint64_t left = line().left(now);
  report(left - std::min(left, before_));
  if (phase_ != Phase::draining) return;
  if (line().is_given() && left == line().written()) return finish(FERRY_TRANSFERRED, "");
  wake_at(now + drain_look);
}

void StreamSession::pump_modem() {
  for (;;) {
    // Before any pause for the line: a receiver may answer the last byte at once, and one that has
    // its file does so only once.
    if (!block_.empty() && block_position_ == block_.size() && line().is_given()) {
      block_.clear();
      modem_->written(steady_clock::now());
    }
    if (!line().has_room()) break;
    if (block_position_ < block_.size()) {
      const std::string_view piece =
          std::string_view(block_).substr(block_position_, piece_size / 4);
      block_position_ += piece.size();
      line().write(piece);
      continue;
    }
    std::optional<std::string> next = modem_->next_output();
    if (!next) break;
    block_ = std::move(*next);
    block_position_ = 0;
  }
  if (is_closed()) return;
  report(modem_->acknowledged());
  if (modem_->ended() && block_.empty()) {
    const ModemEnd end = *modem_->ended();
    modem_.reset();
    return finish(outcome_of(end), why(end));
  }
  if (modem_->deadline()) wake_at(*modem_->deadline());
}

// Bytes of the artifact up to there have arrived, as far as can be told.
void StreamSession::report(std::uint64_t reached) {
  reached = std::min(reached, artifact_.length);
  if (reached <= reported_) return;
  service_.host.progress(device_, artifact_.handle, reported_, reached - reported_);
  reported_ = reached;
}

void StreamSession::finish(int outcome, const std::string& detail) {
  if (phase_ != Phase::draining) heard_.clear();
  phase_ = Phase::telling;
  if (!detail.empty()) log(FERRY_INFO, detail);
  const std::uint64_t delivery = *std::exchange(delivery_, std::nullopt);
  service_.host.outcome(device_, delivery, outcome, detail,
                        guarded(this, [this, outcome](int) { told(outcome); }));
}

void StreamSession::told(int outcome) {
  phase_ = Phase::resting;
  // A device may have asked again before the agent had its answer on disk.
  if (!is_told() && heard_trigger()) {
    heard_.clear();
    return ask_offer();
  }
  // What was transferred may have to be brought further. After a failure a receiver asks again by
  // itself, and a line without one waits for a moment.
  const bool onwards = outcome == FERRY_TRANSFERRED || outcome == FERRY_ACTIVATED;
  if (!is_told() || (!is_raw() && !onwards)) return;
  asks_again_ = true;
  wake_at(steady_clock::now() + (onwards ? Milliseconds(0) : again_pause));
}

}  // namespace ferry::serial
